import type { Ledger, LedgerPage } from './ledger.ts'
import { deviceName, placeOf, plannedRecord, type RecordPlace } from './plan.ts'

/** Rows of a store as columns, in any order. */
export interface StoredRows {
  readonly length: number
  readonly device: readonly string[]
  readonly metric: readonly string[]
  /** µs since 1970. */
  readonly time: Float64Array
  /** NaN where the store has no number. */
  readonly value: Float64Array
  /** The row's number in the log, as the store keeps it. */
  readonly seq: BigInt64Array
}

/**
 * - `lost`: acknowledged, and nowhere.
 * - `duplicate`: a row too many for one record.
 * - `phantom`: stored, and never sent.
 * - `refusedStored`: stored, though the sender was told that it is refused.
 * - `corrupt`: the value is not the one that was sent.
 * - `reordered`: its number is not above those of all earlier records of its client.
 */
export type Fault = 'lost' | 'duplicate' | 'phantom' | 'refusedStored' | 'corrupt' | 'reordered'

export interface Verdict {
  /** Rows that were judged. */
  readonly rows: number
  readonly faults: Readonly<Record<Fault, number>>
  /** Records without an answer that the store has, and has not: both are right. */
  readonly unknownStored: number
  readonly unknownAbsent: number
  /** The first faults of each kind, for people. */
  readonly examples: readonly string[]
  readonly clean: boolean
}

/** Holds every row of a store against the ledger. The rows are all of the plan's devices, and no others. */
export async function judge(ledger: Ledger, stored: AsyncIterable<StoredRows>): Promise<Verdict> {
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
  let rows = 0
  for await (const batch of stored) {
    rows += batch.length
    for (let i = 0; i < batch.length; i++) judgeRow(ledger, findings, batch, i, report)
  }

  const unknown = { stored: 0, absent: 0 }
  for (const [page, found] of findings) judgePage(page, found, unknown, report)
  return {
    rows,
    faults,
    unknownStored: unknown.stored,
    unknownAbsent: unknown.absent,
    examples,
    clean: Object.values(faults).every((count) => count === 0),
  }
}

const examplesPerFault = 5
const absent = -1n

/** What the store has of the records of a page: the number of each, `absent` until one is found. */
class PageFindings {
  readonly numbers: BigInt64Array

  constructor(records: number) {
    this.numbers = new BigInt64Array(records).fill(absent)
  }
}

type Report = (fault: Fault, what: string) => void

function judgeRow(
  ledger: Ledger,
  findings: ReadonlyMap<LedgerPage, PageFindings>,
  batch: StoredRows,
  i: number,
  report: Report,
): void {
  const [device, metric, time] = [batch.device[i] ?? '', batch.metric[i] ?? '', batch.time[i] ?? Number.NaN]
  const value = batch.value[i] ?? Number.NaN
  const seq = batch.seq[i] ?? absent
  const place = placeOf(ledger.plan, device, metric, time, value)
  const page = place && ledger.page(place.device, place.epoch)
  const found = page && findings.get(page)
  const state = page?.state(place?.sequence ?? 0)
  if (place === undefined || page === undefined || found === undefined || state === 'unsent') {
    report('phantom', `${device} ${metric} at ${time} µs = ${value}, number ${seq}`)
    return
  }
  const first = found.numbers[place.sequence] ?? absent
  if (first !== absent) report('duplicate', `${describe(place)} has numbers ${first} and ${seq}`)
  else found.numbers[place.sequence] = seq
  if (state === 'refused') report('refusedStored', describe(place))
  const expected = plannedRecord(ledger.plan, place).value
  if (value !== expected) report('corrupt', `${describe(place)} is ${value}, was sent as ${expected}`)
}

function judgePage(
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
      if (state === 'acked') report('lost', describe(place))
      continue
    }
    if (number <= highest) report('reordered', `${describe(place)} has number ${number}, after ${highest}`)
    else highest = number
  }
}

function describe({ device, epoch, sequence }: RecordPlace): string {
  return `${deviceName(device)} epoch ${epoch} record ${sequence}`
}
