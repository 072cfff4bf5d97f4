import { epochRecords, type Plan } from './plan.ts'

/** What a client knows of a record: `sent` at the end means *unknown*, the product may have it or not. */
export type RecordState = 'unsent' | 'sent' | 'acked' | 'refused'

const states: readonly RecordState[] = ['unsent', 'sent', 'acked', 'refused']
const unsent = 0
const sent = 1
const acked = 2
const refused = 3
/** A record's byte: its state in the two lowest bits, above them how often it was sent again, as far as that goes. */
const stateBits = 0b11
const oneRepeat = 0b100
const maxRepeats = 63

export interface LedgerTotals {
  /** Records sent at least once = acked + refused + unknown. */
  readonly records: number
  readonly acked: number
  readonly refused: number
  readonly unknown: number
  /** How often any record was put on the wire. */
  readonly sends: number
}

/**
 * What was sent and what came of it, kept by the clients outside the product, so that it survives whatever is done to the product.
 * A page for every life of every client, a byte a record.
 */
export class Ledger {
  readonly plan: Plan
  readonly #pages = new Map<string, LedgerPage>()

  constructor(plan: Plan) {
    this.plan = plan
  }

  /** The page of one life of one client, a new one on first asking. */
  open(device: number, epoch: number): LedgerPage {
    const key = `${device} ${epoch}`
    const page = this.#pages.get(key) ?? new LedgerPage(device, epoch)
    this.#pages.set(key, page)
    return page
  }

  page(device: number, epoch: number): LedgerPage | undefined {
    return this.#pages.get(`${device} ${epoch}`)
  }

  pages(): readonly LedgerPage[] {
    return [...this.#pages.values()]
  }

  totals(): LedgerTotals {
    const totals = { records: 0, acked: 0, refused: 0, unknown: 0, sends: 0 }
    for (const page of this.#pages.values()) {
      const of = page.totals()
      totals.records += of.records
      totals.acked += of.acked
      totals.refused += of.refused
      totals.unknown += of.unknown
      totals.sends += of.sends
    }
    return totals
  }

  /**
   * How many rows a log may have of these records, or of the pages that are meant: those of acknowledged ones at least; of one that was sent
   * again several, unless that is taken once. Of a refused record that was sent before, the first may have been taken.
   */
  rows(isMeant: (page: LedgerPage) => boolean = () => true): {
    readonly least: number
    readonly most: number
  } {
    let [least, most] = [0, 0]
    for (const page of this.#pages.values()) {
      if (!isMeant(page)) continue
      const { records, acked } = page.totals()
      least += acked
      most += page.isOnce ? records : page.sends
    }
    return { least, most }
  }

  /** The ledger as lines of JSON, for keeping beside the data of a run that failed: the plan, then a line a page. */
  encode(): string {
    return `${[JSON.stringify(this.plan), ...this.pages().map((page) => page.encode())].join('\n')}\n`
  }

  /** Reads what `encode` wrote. */
  static decode(text: string): Ledger {
    const [plan, ...lines] = text.trimEnd().split('\n')
    const ledger = new Ledger(JSON.parse(plan ?? '') as Plan) // as: `encode` wrote it
    for (const line of lines) {
      const page = LedgerPage.decode(line)
      ledger.#pages.set(`${page.device} ${page.epoch}`, page)
    }
    return ledger
  }
}

/** A page's own form on disk: the records' bytes as pairs [byte, records in a row]. */
interface EncodedPage {
  readonly device: number
  readonly epoch: number
  readonly sends: number
  readonly isOnce?: boolean
  readonly isAnswered?: boolean
  readonly runs: readonly (readonly [byte: number, records: number])[]
}

/** The records of one life of one client, by sequence number. */
export class LedgerPage {
  readonly device: number
  readonly epoch: number
  /** One more than the highest sequence number sent. */
  length = 0
  sends = 0
  /** A record that is sent again is not taken again (QoS 2). */
  isOnce = false
  /** A record that cannot be taken is refused by name, and makes no dead letter (HTTP). */
  isAnswered = false
  #states = new Uint8Array(1024)

  constructor(device: number, epoch: number) {
    this.device = device
    this.epoch = epoch
  }

  state(sequence: number): RecordState {
    return states[(this.#states[sequence] ?? unsent) & stateBits] ?? 'unsent'
  }

  /** How often it was sent again, 63 at most. */
  repeats(sequence: number): number {
    return (this.#states[sequence] ?? 0) >> 2
  }

  totals(): LedgerTotals {
    const counts = { unsent: 0, sent: 0, acked: 0, refused: 0 }
    for (let sequence = 0; sequence < this.length; sequence++) counts[this.state(sequence)]++
    const { sent: unknown, acked, refused } = counts
    return { records: unknown + acked + refused, acked, refused, unknown, sends: this.sends }
  }

  /** The record goes on the wire, for the first time or again. */
  sent(sequence: number): void {
    if (sequence >= epochRecords) throw new RangeError(`an epoch has ${epochRecords} records`)
    if (sequence >= this.#states.length) {
      const larger = new Uint8Array(Math.max(this.#states.length * 2, sequence + 1))
      larger.set(this.#states)
      this.#states = larger
    }
    const before = this.#states[sequence] ?? unsent
    const isRepeat = (before & stateBits) !== unsent && this.repeats(sequence) < maxRepeats
    this.#states[sequence] = ((before & ~stateBits) | sent) + (isRepeat ? oneRepeat : 0)
    this.sends++
    this.length = Math.max(this.length, sequence + 1)
  }

  /** @throws Error if the record is not on the wire. */
  acked(sequence: number): void {
    this.#answer(sequence, acked)
  }

  /** @throws Error if the record is not on the wire. */
  refused(sequence: number): void {
    this.#answer(sequence, refused)
  }

  encode(): string {
    const runs: [number, number][] = []
    for (const state of this.#states.subarray(0, this.length)) {
      const last = runs.at(-1)
      if (last?.[0] === state) last[1]++
      else runs.push([state, 1])
    }
    const { device, epoch, sends, isOnce, isAnswered } = this
    const encoded: EncodedPage = { device, epoch, sends, isOnce, isAnswered, runs }
    return JSON.stringify(encoded)
  }

  static decode(line: string): LedgerPage {
    const { device, epoch, sends, isOnce = false, isAnswered = false, runs } = JSON.parse(line) as EncodedPage // as: `encode` wrote it
    const page = new LedgerPage(device, epoch)
    page.sends = sends
    page.isOnce = isOnce
    page.isAnswered = isAnswered
    for (const [, records] of runs) page.length += records
    page.#states = new Uint8Array(page.length)
    let at = 0
    for (const [state, records] of runs) page.#states.fill(state, at, (at += records))
    return page
  }

  #answer(sequence: number, state: typeof acked | typeof refused): void {
    const before = this.#states[sequence] ?? unsent
    if ((before & stateBits) !== sent) {
      throw new Error(
        `record ${sequence} of device ${this.device} was answered while ${this.state(sequence)}`,
      )
    }
    this.#states[sequence] = (before & ~stateBits) | state
  }
}
