import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { Position } from '../../core/position.ts'
import { noBooks, type SinkBooks, SinkFailure, type SinkState } from '../../core/sink.ts'

const terms = [
  'handed',
  'stored',
  'repeated',
  'overwritten',
  'filtered',
  'deadLettered',
  'expired',
  'damaged',
] as const satisfies readonly (keyof SinkBooks)[]

/**
 * Where each stream stands, and its books: one row for each stream and partition, of the log that it last took something of. Called
 * within the caller's transaction.
 */
export class Positions {
  readonly #read: StatementSync
  readonly #all: StatementSync
  readonly #move: StatementSync

  static create(database: DatabaseSync): void {
    const columns = terms.map((term) => `${term} INTEGER NOT NULL`).join(', ')
    database.exec(
      `CREATE TABLE position (stream TEXT, partition INTEGER, log TEXT NOT NULL, next INTEGER NOT NULL, ${columns}, PRIMARY KEY (stream, partition))`,
    )
  }

  constructor(database: DatabaseSync) {
    this.#read = database.prepare('SELECT * FROM position WHERE stream = ? AND partition = ?')
    this.#read.setReadBigInts(true)
    this.#all = database.prepare('SELECT * FROM position WHERE stream = ?')
    this.#all.setReadBigInts(true)
    this.#move = database.prepare(
      `INSERT OR REPLACE INTO position (stream, partition, log, next, ${terms.join(', ')}) VALUES (?, ?, ?, ?${', ?'.repeat(terms.length)})`,
    )
  }

  read(stream: string, log: string, partition: number): SinkState | undefined {
    const row = this.#read.get(stream, partition)
    if (row === undefined || row['log'] !== log) return undefined
    const count = (term: keyof SinkBooks) => Number(row[term])
    return {
      position: { log, partition, next: row['next'] as bigint }, // as: `setReadBigInts`
      books: {
        handed: count('handed'),
        stored: count('stored'),
        repeated: count('repeated'),
        overwritten: count('overwritten'),
        filtered: count('filtered'),
        deadLettered: count('deadLettered'),
        expired: count('expired'),
        damaged: count('damaged'),
      },
    }
  }

  /** A sum over all positions of a stream. */
  checksum(stream: string): number {
    let sum = 0
    for (const row of this.#all.iterate(stream)) sum += crc32(Object.values(row).join(' '))
    return sum
  }

  /** The books of a stream that stands at `from`, or takes the first of that log. @throws SinkFailure `stop` where it stands elsewhere. */
  booksAt(stream: string, from: Position): SinkBooks {
    const state = this.read(stream, from.log, from.partition)
    if (state !== undefined && state.position.next !== from.next)
      throw new SinkFailure('stop', 'store-refused', `${stream}: the position has moved`)
    return state?.books ?? noBooks
  }

  move(stream: string, { log, partition, next }: Position, books: SinkBooks): void {
    this.#move.run(stream, partition, log, next, ...terms.map((term) => books[term]))
  }
}
