import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { keyedStreams } from '../../core/keyed-state.ts'
import { Positions } from './positions.ts'

/** Sums are kept below this: exact as numbers. */
const modulus = 2 ** 48

/**
 * SQLite knows a broken page from a whole one and no turned bit in a value, nor a page that is older than its neighbours. So there is a sum over each
 * stream: of the CRC-32 of every key with its value, and of its positions. It changes in the transaction of what it sums.
 */
export class Checksums {
  readonly #database: DatabaseSync
  readonly #positions: Positions
  readonly #add: StatementSync

  static create(database: DatabaseSync): void {
    database.exec('CREATE TABLE checksum (stream TEXT PRIMARY KEY, value INTEGER NOT NULL)')
    const positions = new Positions(database)
    const insert = database.prepare('INSERT INTO checksum (stream, value) VALUES (?, ?)')
    for (const stream of keyedStreams) insert.run(stream, sumOf(database, positions, stream))
  }

  constructor(database: DatabaseSync, positions: Positions) {
    this.#database = database
    this.#positions = positions
    this.#add = database.prepare(
      `UPDATE checksum SET value = (value + ? + ${modulus}) % ${modulus} WHERE stream = ?`,
    )
  }

  /** The stream whose content is not what was written, if there is one. */
  findDamaged(): string | undefined {
    const read = this.#database.prepare('SELECT value FROM checksum WHERE stream = ?')
    return keyedStreams.find(
      (stream) => read.get(stream)?.['value'] !== sumOf(this.#database, this.#positions, stream),
    )
  }

  /** What has come into a stream, less what has gone. */
  add(stream: string, difference: number): void {
    this.#add.run(difference % modulus, stream)
  }
}

export function checksumOf(key: Uint8Array, value: Uint8Array): number {
  return crc32(value, crc32(key))
}

function sumOf(database: DatabaseSync, positions: Positions, stream: string): number {
  let sum = positions.checksum(stream)
  const rows = database.prepare(`SELECT key, value FROM ${stream}`)
  // as: the columns of the table; what is damaged may be anything.
  for (const { key, value } of rows.iterate() as Iterable<{ key: unknown; value: unknown }>)
    sum += key instanceof Uint8Array && value instanceof Uint8Array ? checksumOf(key, value) : 1
  return sum % modulus
}
