import { type Batch, numberAt } from '../../src/core/batch.ts'
import type { Position } from '../../src/core/position.ts'
import {
  noBooks,
  type Refusal,
  type Sink,
  type SinkBooks,
  SinkFailure,
  type SinkState,
  type SinkWrite,
  type Written,
} from '../../src/core/sink.ts'
import { bytesAt, textAt } from '../../src/core/text-column.ts'
import { must } from './violation.ts'
import type { World } from './world.ts'

/** One row that a store has taken: a reading, an edit (its value negative), or a document. */
export interface StoredRow {
  readonly number: number
  readonly value: number
  readonly key: string
  readonly body: Uint8Array
}

export interface Trouble {
  /** Probabilities by write: nobody is there, the connection is cut before or after the transaction took effect. */
  down: number
  cutBefore: number
  cutAfter: number
  /** Values that are refused by name, and those that make a write fail without a name. */
  readonly isRefused: (value: number) => boolean
  readonly isChoked: (value: number) => boolean
}

/** Takes what a store has committed; `repeated`: it has that already, and does not keep it. */
export type OnRow = (row: StoredRow) => 'stored' | 'repeated'

/** A store of another machine: it outlives the program, and what was sent to it may take effect when the program is long dead. */
export class SimulatedStore {
  readonly name: string
  readonly stream: string
  readonly trouble: Trouble
  position: Position | undefined
  books = noBooks
  rows = 0
  readonly #world: World
  readonly #onRow: OnRow

  constructor(world: World, name: string, stream: string, trouble: Trouble, onRow: OnRow) {
    this.#world = world
    this.name = name
    this.stream = stream
    this.trouble = trouble
    this.#onRow = onRow
  }

  /** A connection to it, which lives as long as the program. */
  connect(): Sink {
    return {
      name: this.name,
      state: (log) => this.#state(log),
      write: (write) => this.#write(write),
      close: () => Promise.resolve(),
    }
  }

  #state(log: string): Promise<SinkState | undefined> {
    return this.#world.happens('sink', `${this.name} is asked where it stands`, () => {
      if (this.#world.chance(this.trouble.down))
        throw new SinkFailure('retry', 'store-down', 'nobody is there')
      if (this.position === undefined || this.position.log !== log) return undefined
      return { position: this.position, books: this.books }
    })
  }

  #write(write: SinkWrite): Promise<Written> {
    const world = this.#world
    const { trouble } = this
    if (world.chance(trouble.down))
      return world.happens('sink', `${this.name} is down`, () => {
        throw new SinkFailure(world.chance(0.5) ? 'retry' : 'stop', 'store-down', 'nobody is there')
      })
    // The batch is the caller's again as soon as it is told of a cut.
    const rows = rowsOf(write.batch)
    const { promise, resolve, reject } = Promise.withResolvers<Written>()
    const { deaths } = world
    const answer = (what: string, give: () => void) => {
      // Who asked may be dead by now.
      if (world.deaths === deaths) world.post('sink', `${this.name} ${what}`, give)
    }
    const cut = () => reject(new SinkFailure('retry', 'store-down', 'the connection was cut'))
    const isCutBefore = world.chance(trouble.cutBefore)
    // Cut before: the sender hears of it at once, and what it has sent may still be under way.
    if (isCutBefore) answer('is cut off', cut)
    if (isCutBefore && world.chance(0.5)) return promise
    world.post(
      'sink',
      `${this.name} commits`,
      () => {
        try {
          const written = this.#commit(write, rows)
          if (!isCutBefore && world.chance(trouble.cutAfter)) answer('loses its answer', cut)
          else answer('answers', () => resolve(written))
        } catch (error) {
          if (!(error instanceof SinkFailure)) throw error
          answer('fails', () => reject(error))
        }
      },
      'outside',
    )
    return promise
  }

  /** One transaction: all of it, at once, or nothing. */
  #commit({ from, to, terms }: SinkWrite, rows: readonly StoredRow[]): Written {
    if (this.position !== undefined && this.position.next !== from.next)
      throw new SinkFailure('stop', 'store-refused', 'fenced: the position has moved')
    if (rows.some(({ value }) => this.trouble.isChoked(value)))
      throw new SinkFailure('rows', 'row-refused', 'some row is bad')
    const refused = rows.flatMap(({ value }, index): Refusal[] =>
      this.trouble.isRefused(value) ? [{ index, code: 'row-refused', reason: `bad value ${value}` }] : [],
    )
    if (refused.length > 0) return { stored: 0, repeated: 0, overwritten: 0, refused }
    const { name, position } = this
    must(
      position === undefined || position.log === to.log,
      () => `${name}: the log's id has changed from ${position?.log} to ${to.log}`,
    )
    must(to.next >= from.next, () => `${name}: the position goes back from ${from.next} to ${to.next}`)
    let repeated = 0
    for (const row of rows) {
      must(
        row.number >= Number(from.next) && row.number < Number(to.next),
        () => `${name}: number ${row.number} is not in [${from.next}, ${to.next})`,
      )
      if (this.#onRow(row) === 'repeated') repeated++
    }
    this.position = to
    const stored = rows.filter(({ value }) => value >= 0).length - repeated
    this.rows += stored
    this.books = sumOfBooks(this.books, { ...terms, stored, repeated })
    checkBooks(name, this.books, this.rows)
    this.#world.trace.add(`${name} holds`, this.rows, Number(to.next))
    return { stored, repeated, overwritten: 0, refused: [] }
  }
}

export function checkBooks(name: string, books: SinkBooks, rows: number): void {
  const { handed, stored, repeated, overwritten, filtered, deadLettered, expired, damaged } = books
  const parts = stored + repeated + overwritten + filtered + deadLettered + expired + damaged
  must(
    handed === parts && stored === rows,
    () => `${name}: the books do not balance: ${JSON.stringify(books)}, ${rows} rows`,
  )
}

function rowsOf(batch: Batch | undefined): StoredRow[] {
  if (batch === undefined) return []
  const number = (i: number) => Number(numberAt(batch, i))
  const body = new Uint8Array(0)
  if (batch.kind === 'edit') return [{ number: number(0), value: -batch.from, key: '', body }]
  const indexes = Array.from({ length: batch.length }, (_, i) => i)
  if (batch.kind === 'readings')
    return indexes.map((i) => ({ number: number(i), value: batch.value[i] as number, key: '', body }))
  return indexes.map((i) => ({
    number: number(i),
    value: 0,
    key: textAt(batch.key, i),
    body: new Uint8Array(bytesAt(batch.body, i)),
  }))
}

/** A sink's books after a write. */
export function sumOfBooks(books: SinkBooks = noBooks, terms: Partial<SinkBooks>): SinkBooks {
  const {
    handed = 0,
    stored = 0,
    repeated = 0,
    filtered = 0,
    deadLettered = 0,
    expired = 0,
    damaged = 0,
  } = terms
  return {
    handed: books.handed + handed,
    stored: books.stored + stored,
    repeated: books.repeated + repeated,
    overwritten: books.overwritten,
    filtered: books.filtered + filtered,
    deadLettered: books.deadLettered + deadLettered,
    expired: books.expired + expired,
    damaged: books.damaged + damaged,
  }
}
