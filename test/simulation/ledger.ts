import { must } from './violation.ts'

/** What senders know of a message. `unknown`: no answer came, or none that says what became of it. */
export type Answer = 'unknown' | 'acked' | 'refused'

/** One message: its values, edits among them as negative ones, become durable together. */
export interface Offer {
  readonly values: readonly number[]
  /** Text of a part that nobody can read, which must become a letter. */
  readonly junk: string | undefined
  /** What it was sent by; a new connection is another one. Order holds within one. */
  readonly connection: string
  /** Place in its connection. */
  readonly place: number
  answer: Answer
  /** How often it was sent: so often it may take effect where nothing tells the sender's repeats apart. */
  sends: number
  /** The protocol tells repeats apart: however often it is sent, it takes effect once. */
  readonly isOnce: boolean
}

/** The plain list that everything is held against: what was offered, and what its senders were told. */
export class Ledger {
  readonly offers: Offer[] = []
  /** Values of the device that a filter drops before `near`. */
  readonly filtered = new Set<number>()
  /** By value. */
  readonly #of = new Map<number, Offer>()
  /** By number in the log, over all sinks and ever. */
  readonly #numbers = new Map<number, string>()
  #lastValue = 0

  /** Values that were never given before. */
  values(count: number): number[] {
    return Array.from({ length: count }, () => ++this.#lastValue)
  }

  offer(offer: Pick<Offer, 'values' | 'connection' | 'place'> & Partial<Offer>): Offer {
    const made: Offer = { junk: undefined, isOnce: false, sends: 1, answer: 'unknown', ...offer }
    this.offers.push(made)
    for (const value of made.values) this.#of.set(value, made)
    return made
  }

  of(value: number): Offer {
    const offer = this.#of.get(value)
    must(offer !== undefined, () => `phantom: ${value} was never sent`)
    return offer
  }

  /** A number of the log stands for one thing for ever. */
  number(number: number, what: string): void {
    const before = this.#numbers.get(number)
    must(
      before === undefined || before === what,
      () => `number ${number} was given to ${before} and to ${what}`,
    )
    this.#numbers.set(number, what)
  }

  get acked(): number {
    return this.offers.reduce((sum, { answer }) => sum + (answer === 'acked' ? 1 : 0), 0)
  }
}

/** What one sink holds, watched row by row. */
export class SinkLedger {
  readonly #name: string
  readonly #ledger: Ledger
  readonly #counts = new Map<number, number>()
  /** By value: its number, the first one. */
  readonly #numbers = new Map<number, number>()
  /** Place of the last message of each connection. */
  readonly #places = new Map<string, number>()
  #last = -1
  /** Its number. */
  lastEdit = -1

  constructor(name: string, ledger: Ledger) {
    this.#name = name
    this.#ledger = ledger
  }

  /** A row, or an edit as its negative value, in the order in which the sink takes them. */
  take(number: number, value: number): void {
    const offer = this.#ledger.of(value)
    must(number > this.#last, () => `${this.#name}: ${value} has number ${number}, after ${this.#last}`)
    this.#last = number
    if (value < 0) this.lastEdit = number
    if (!this.#numbers.has(value)) this.#numbers.set(value, number)
    this.#ledger.number(number, `value ${value}`)
    this.count(value)
    // Of a repeat nobody can say which of the two it is.
    if (offer.sends > 1) return
    const before = this.#places.get(offer.connection) ?? -1
    must(
      offer.place >= before,
      () =>
        `${this.#name}: order: ${value}, message ${offer.place} of ${offer.connection}, comes after ${before}`,
    )
    this.#places.set(offer.connection, offer.place)
  }

  /** The sink holds the value, as a row or as a letter. */
  count(value: number): void {
    const count = (this.#counts.get(value) ?? 0) + 1
    const { sends, isOnce } = this.#ledger.of(value)
    must(count <= (isOnce ? 1 : sends), () => `${this.#name}: duplicate: ${value} is there ${count} times`)
    this.#counts.set(value, count)
  }

  /** A program has come to its end in order, and had not said of these values that it has them: then they are not below `next`. */
  judgeUnsaid(values: readonly number[], next: number): void {
    for (const value of values) {
      const number = this.#numbers.get(value) ?? next
      must(
        number >= next,
        () =>
          `${this.#name}: a stop did not wait for the answer to ${value}: it has number ${number}, below ${next}`,
      )
    }
  }

  has(value: number): boolean {
    return this.#counts.has(value)
  }

  /** Once nothing is left to come: everything acknowledged is there, and every message is there whole or not at all. */
  judge(isFiltered: (value: number) => boolean): void {
    for (const { values, answer, connection, place } of this.#ledger.offers) {
      const expected = values.filter((value) => !isFiltered(value))
      const found = expected.filter((value) => this.has(value))
      const missing = expected.filter((value) => !this.has(value))
      const what = () => `message ${place} of ${connection} (${answer}): ${missing.join(', ')} missing`
      must(answer !== 'acked' || missing.length === 0, () => `${this.#name}: lost: ${what()}`)
      must(found.length === 0 || missing.length === 0, () => `${this.#name}: in part: ${what()}`)
    }
  }
}
