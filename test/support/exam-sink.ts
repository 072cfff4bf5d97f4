import { numberAt } from '../../src/core/batch.ts'
import type { Position } from '../../src/core/position.ts'
import {
  noBooks,
  type Refusal,
  type Sink,
  SinkFailure,
  type SinkState,
  type SinkWrite,
  type Written,
} from '../../src/core/sink.ts'

export interface ExamOrders {
  /** Rows with these values are named as refused. */
  refuse?: ReadonlySet<number>
  /** A batch with one of these values fails as a whole, without a word which row it was. */
  choke?: ReadonlySet<number>
  /** Called before each write: throw to fail it, await to stall it. */
  before?: (write: SinkWrite, attempt: number) => Promise<void> | void
  /** Called after the write has taken effect: throw to cut the answer. */
  after?: (write: SinkWrite, attempt: number) => void
}

/**
 * A sink in memory that keeps every rule of the contract (position by compare-and-set with the rows, nothing written when
 * something is refused) and refuses, stalls and cuts on command.
 */
export class ExamSink implements Sink {
  readonly name = 'exam'
  readonly rows: { number: bigint; value: number }[] = []
  position: Position | undefined
  books = noBooks
  attempts = 0
  readonly #orders: ExamOrders

  constructor(orders: ExamOrders = {}) {
    this.#orders = orders
  }

  state(): Promise<SinkState | undefined> {
    return Promise.resolve(this.position && { position: this.position, books: this.books })
  }

  async write(write: SinkWrite): Promise<Written> {
    const attempt = ++this.attempts
    await this.#orders.before?.(write, attempt)
    const { batch, from, to, terms } = write
    if ((this.position?.next ?? from.next) !== from.next)
      throw new SinkFailure('stop', 'store-refused', 'fenced: the position has moved')
    const values = batch?.kind === 'readings' ? [...batch.value] : []
    if (values.some((value) => this.#orders.choke?.has(value)))
      throw new SinkFailure('rows', 'row-refused', 'some row is bad')
    const refused: Refusal[] = []
    values.forEach((value, index) => {
      if (this.#orders.refuse?.has(value))
        refused.push({ index, code: 'row-refused', reason: `bad value ${value}` })
    })
    if (refused.length > 0) return { stored: 0, repeated: 0, overwritten: 0, refused }
    if (batch) values.forEach((value, i) => this.rows.push({ number: numberAt(batch, i), value }))
    this.position = to
    const b = this.books
    this.books = {
      handed: b.handed + terms.handed,
      stored: b.stored + values.length,
      repeated: b.repeated,
      overwritten: b.overwritten,
      filtered: b.filtered + terms.filtered,
      deadLettered: b.deadLettered + terms.deadLettered,
      expired: b.expired + terms.expired,
      damaged: b.damaged + terms.damaged,
    }
    this.#orders.after?.(write, attempt)
    return { stored: values.length, repeated: 0, overwritten: 0, refused: [] }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
