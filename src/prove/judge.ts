import type { Ledger, LedgerPage } from './ledger.ts'
import { deviceName, placeOf, plannedRecord, type Plan, type RecordPlace } from './plan.ts'

/** Rows of a store as columns, in any order. */
export interface StoredRows {
  readonly length: number
  readonly device: readonly string[]
  readonly metric: readonly string[]
  /** µs since 1970. */
  readonly time: Float64Array
  /** NaN where the store has no number. */
  readonly value: Float64Array
  /** The row's number in the log, as the store keeps it; undefined where the reader is not told. */
  readonly seq: BigInt64Array | undefined
}

/** What the sink promises of its rows. */
export interface SinkTerms {
  /**
   * Knows no identity, as a file: what a sender sends twice may stand there twice, under two numbers. Its rows are read in the order in
   * which they stand there, and that must be the order of their numbers.
   */
  readonly keepsRepeats: boolean
}

/**
 * - `lost`: acknowledged, and nowhere.
 * - `duplicate`: a row too many for one record.
 * - `phantom`: stored, and never sent.
 * - `refusedStored`: stored, though the sender was told that it is refused. (Not one that was sent twice: the refusal is of the second, and
 *   nobody knows of the first.)
 * - `corrupt`: the value is not the one that was sent.
 * - `reordered`: its number is not above those of all earlier records of its client.
 */
export type Fault = 'lost' | 'duplicate' | 'phantom' | 'refusedStored' | 'corrupt' | 'reordered'

export interface Verdict {
  /** Rows that were judged. */
  readonly rows: number
  /** Rows that stand there because their records were sent again, where the sink keeps those. */
  readonly repeated: number
  readonly faults: Readonly<Record<Fault, number>>
  /** Records without an answer that the store has, and has not: both are right. */
  readonly unknownStored: number
  readonly unknownAbsent: number
  /** The first faults of each kind, for people. */
  readonly examples: readonly string[]
  readonly clean: boolean
}

/** Holds every row of a sink against the ledger. The rows are all of the plan's devices, and no others. */
export async function judge(
  ledger: Ledger,
  stored: AsyncIterable<StoredRows>,
  terms: SinkTerms = { keepsRepeats: false },
): Promise<Verdict> {
  const faults: Record<Fault, number> = {
    lost: 0,
    duplicate: 0,
    phantom: 0,
    refusedStored: 0,
    corrupt: 0,
    reordered: 0,
  }
  const examples: string[] = []
  const report = (fault: Fault, what: string): void => {
    if (faults[fault]++ < examplesPerFault) examples.push(`${fault}: ${what}`)
  }

  const findings = new Map<LedgerPage, PageFindings>()
  for (const page of ledger.pages()) findings.set(page, new PageFindings(page.length))
  const judging: Judging = { ledger, terms, findings, report, last: absent, repeated: 0 }
  let rows = 0
  for await (const batch of stored) {
    rows += batch.length
    for (let i = 0; i < batch.length; i++) judgeRow(judging, batch, i)
  }

  const unknown = { stored: 0, absent: 0 }
  for (const [page, found] of findings) judgePage(ledger.plan, page, found, unknown, report)
  return {
    rows,
    repeated: judging.repeated,
    faults,
    unknownStored: unknown.stored,
    unknownAbsent: unknown.absent,
    examples,
    clean: Object.values(faults).every((count) => count === 0),
  }
}

const examplesPerFault = 5
const absent = -1n
/** Of a row whose number is not told. */
const unnumbered = -2n

/** What the sink has of the records of a page. */
class PageFindings {
  /** The number of each, the first that was found; `absent` until then. */
  readonly numbers: BigInt64Array
  /** Rows beyond the first, by sequence number. */
  readonly further = new Map<number, number>()

  constructor(records: number) {
    this.numbers = new BigInt64Array(records).fill(absent)
  }
}

type Report = (fault: Fault, what: string) => void

interface Judging {
  readonly ledger: Ledger
  readonly terms: SinkTerms
  readonly findings: ReadonlyMap<LedgerPage, PageFindings>
  readonly report: Report
  /** Number of the row before, in the order of the sink. */
  last: bigint
  repeated: number
}

function judgeRow(judging: Judging, batch: StoredRows, i: number): void {
  const { ledger, terms, findings, report } = judging
  const { plan } = ledger
  const [device, metric, time] = [batch.device[i] ?? '', batch.metric[i] ?? '', batch.time[i] ?? Number.NaN]
  const value = batch.value[i] ?? Number.NaN
  const seq = batch.seq === undefined ? unnumbered : (batch.seq[i] ?? absent)
  const place = placeOf(plan, device, metric, time, value)
  const page = place && ledger.page(place.device, place.epoch)
  const found = page && findings.get(page)
  const state = page?.state(place?.sequence ?? 0)
  if (place === undefined || page === undefined || found === undefined || state === 'unsent') {
    report('phantom', `${device} ${metric} at ${time} µs = ${value}${numbered(seq)}`)
    return
  }
  const { sequence } = place
  if (terms.keepsRepeats) {
    if (seq <= judging.last)
      report('reordered', `${describe(plan, place)}${numbered(seq)} stands behind number ${judging.last}`)
    judging.last = seq
  }
  const first = found.numbers[sequence] ?? absent
  if (first !== absent) {
    const further = (found.further.get(sequence) ?? 0) + 1
    found.further.set(sequence, further)
    const isAllowed = terms.keepsRepeats && !page.isOnce && first !== seq && further <= page.repeats(sequence)
    if (isAllowed) judging.repeated++
    else report('duplicate', `${describe(plan, place)} has a second row${numbered(first)}${numbered(seq)}`)
  }
  if (first === absent) found.numbers[sequence] = seq
  if (state === 'refused' && page.repeats(sequence) === 0) report('refusedStored', describe(plan, place))
  const expected = plannedRecord(plan, place).value
  if (value !== expected) report('corrupt', `${describe(plan, place)} is ${value}, was sent as ${expected}`)
}

function judgePage(
  plan: Plan,
  page: LedgerPage,
  found: PageFindings,
  unknown: { stored: number; absent: number },
  report: Report,
): void {
  let highest = absent
  for (let sequence = 0; sequence < page.length; sequence++) {
    const number = found.numbers[sequence] ?? absent
    const state = page.state(sequence)
    const place = { device: page.device, epoch: page.epoch, sequence }
    if (state === 'sent') unknown[number === absent ? 'absent' : 'stored']++
    if (number === absent) {
      if (state === 'acked') report('lost', describe(plan, place))
      continue
    }
    if (number === unnumbered) continue
    if (number <= highest)
      report('reordered', `${describe(plan, place)} has number ${number}, after ${highest}`)
    else highest = number
  }
}

function numbered(seq: bigint): string {
  return seq === unnumbered ? '' : `, number ${seq}`
}

function describe(plan: Plan, { device, epoch, sequence }: RecordPlace): string {
  return `${deviceName(plan, device)} epoch ${epoch} record ${sequence}`
}
