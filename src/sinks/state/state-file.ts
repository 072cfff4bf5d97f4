import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { Documents } from '../../core/batch.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { keyedStreams } from '../../core/keyed-state.ts'
import {
  type Sink,
  type SinkBooks,
  SinkFailure,
  type SinkState,
  type SinkWrite,
  type Written,
} from '../../core/sink.ts'
import { bytesAt, type TextColumn, textAt, textColumn } from '../../core/text-column.ts'
import { Checksums, checksumOf } from './checksums.ts'
import { Positions } from './positions.ts'

/** Keys and their values, row by row; an empty value removes its key. */
export interface KeyedValues {
  readonly keys: TextColumn
  readonly values: TextColumn
}

/** SQLite's result codes (sqlite.org/rescode.html) that tell what is to be done; all others need somebody. */
const damagedCodes: readonly unknown[] = [11, 26]
const passingCodes: readonly unknown[] = [5, 6, 10, 13]
const full = 13
const sqlError = 1

/** Version 1 had no checksums. */
const fileVersion = 2
/**
 * SQLite's `application_id` of a file, which names its version a second time: a version beyond ours is taken for that of a newer Sluice only
 * where both say it, or one flipped bit would refuse the start.
 */
const applicationId = (version: number): number => 0x536c_0000 + version
const chunkBytes = 1 << 20
/** Somebody may be looking into the file with a tool of SQLite's. */
const busyMs = 1_000

/**
 * The last value of every key of the keyed streams, in a SQLite file: a table for each stream, and where each stands in the log. A write
 * returns when its one transaction is on disk (WAL, `synchronous=FULL`); everything here blocks, so it belongs in a thread of its own.
 */
export class StateFile {
  readonly #database: DatabaseSync
  readonly #positions: Positions
  readonly #checksums: Checksums
  readonly #name: string

  /**
   * Opens the file, or begins it.
   * @throws SinkFailure `config-invalid` where it cannot be opened (see `isDamaged`), `log-version`, `disk-full`.
   */
  constructor(name: string, file: string) {
    this.#name = name
    try {
      this.#database = new DatabaseSync(file, { timeout: busyMs })
    } catch (error) {
      throw failureOf(error, `${file} cannot be opened`, 'config-invalid')
    }
    try {
      prepareTables(this.#database, file)
      this.#positions = new Positions(this.#database)
      this.#checksums = new Checksums(this.#database, this.#positions)
      check(this.#database, this.#checksums)
    } catch (error) {
      this.#database.close()
      // Tables of ours that are not as we make them: their definitions stand in the file.
      const cause = resultCode(error) === sqlError ? damaged(String(error)) : error
      throw failureOf(cause, `${file} cannot be opened`, 'config-invalid')
    }
  }

  /** Every key of a stream and its value, in pieces of about a megabyte. */
  *values(stream: string): Generator<KeyedValues> {
    const rows = this.#database.prepare(`SELECT key, value FROM ${stream}`)
    const [keys, values]: [Uint8Array[], Uint8Array[]] = [[], []]
    let bytes = 0
    const piece = () => ({ keys: textColumn(keys.splice(0)), values: textColumn(values.splice(0)) })
    try {
      for (const { key, value } of rows.iterate() as Iterable<{ key: Uint8Array; value: Uint8Array }>) {
        keys.push(key)
        values.push(value)
        bytes += key.length + value.length
        if (bytes < chunkBytes) continue
        yield piece()
        bytes = 0
      }
    } catch (error) {
      throw failureOf(error, `the ${stream} cannot be read`)
    }
    if (keys.length > 0) yield piece()
  }

  /** Where a stream stands in a log; undefined if it has taken nothing of it. */
  position(stream: string, log: string, partition: number): SinkState | undefined {
    try {
      return this.#positions.read(stream, log, partition)
    } catch (error) {
      throw failureOf(error, `the position of the ${stream} cannot be read`)
    }
  }

  /** Takes the documents of a stream: the last of each key is its value. */
  sink(stream: string): Sink {
    const [find, upsert, remove] = [
      this.#database.prepare(`SELECT value FROM ${stream} WHERE key = ?`),
      this.#database.prepare(
        `INSERT INTO ${stream} (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value`,
      ),
      this.#database.prepare(`DELETE FROM ${stream} WHERE key = ?`),
    ]
    return {
      name: this.#name,
      state: (log, partition) => Promise.try(() => this.position(stream, log, partition)),
      write: (write) => Promise.try(() => this.#write(stream, { find, upsert, remove }, write)),
      // The file is closed once for all its sinks.
      close: () => Promise.resolve(),
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close()
  }

  #write(stream: string, values: ValueStatements, write: SinkWrite): Written {
    const { batch, from, to, terms } = write
    const documents = batch?.kind === 'documents' ? batch : undefined
    try {
      this.#database.exec('BEGIN IMMEDIATE')
      const books = this.#positions.booksAt(stream, from)
      const before = this.#positions.checksum(stream)
      const difference = documents === undefined ? 0 : keep(documents, values)
      // Every document is a change that takes effect, whatever follows it.
      const stored = documents?.length ?? 0
      this.#positions.move(stream, to, sum(books, { ...terms, stored, repeated: 0, overwritten: 0 }))
      this.#checksums.add(stream, difference + this.#positions.checksum(stream) - before)
      this.#database.exec('COMMIT')
      return { stored, repeated: 0, overwritten: 0, refused: [] }
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw failureOf(error, `the ${stream} cannot be written`)
    }
  }
}

/** True if the bytes of the file are no SQLite file, or a broken one. */
export function isDamaged(error: unknown): boolean {
  return error instanceof SinkFailure && damagedCodes.includes(resultCode(error.cause))
}

function prepareTables(database: DatabaseSync, file: string): void {
  const version = database.prepare('PRAGMA user_version').get()?.['user_version']
  const isEmpty = database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.['tables'] === 0
  if (typeof version !== 'number' || version < 0 || (version === 0) !== isEmpty)
    throw damaged(`${String(version)} is no version of ours`)
  if (version > fileVersion) {
    const id = database.prepare('PRAGMA application_id').get()?.['application_id']
    if (id !== applicationId(version)) throw damaged(`${version} is no version of ours`)
    throw new SinkFailure('stop', 'log-version', `${file} was written by a newer Sluice`)
  }
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
  if (version === fileVersion) return
  database.exec('BEGIN IMMEDIATE')
  if (version === 0) {
    for (const stream of keyedStreams)
      database.exec(`CREATE TABLE ${stream} (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID`)
    Positions.create(database)
  }
  Checksums.create(database)
  database.exec(`PRAGMA application_id = ${applicationId(fileVersion)}`)
  database.exec(`PRAGMA user_version = ${fileVersion}; COMMIT`)
}

/** @throws what SQLite throws of a broken file, where this one is, or holds something else than what was written to it. */
function check(database: DatabaseSync, checksums: Checksums): void {
  const said = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
  const stream = said === 'ok' ? checksums.findDamaged() : undefined
  if (said === 'ok' && stream === undefined) return
  const why = stream === undefined ? String(said) : `the ${stream} are not as they were written`
  throw damaged(why)
}

/** As SQLite says it of a broken file. */
function damaged(why: string): Error {
  return Object.assign(new Error(why), { errcode: damagedCodes[0] })
}

interface ValueStatements {
  readonly find: StatementSync
  readonly upsert: StatementSync
  readonly remove: StatementSync
}

/** The last document of each key; those before it never show. Returns what that changes the sum of their checksums by. */
function keep({ key, body, length }: Documents, { find, upsert, remove }: ValueStatements): number {
  const last = new Map<string, number>()
  for (let i = 0; i < length; i++) last.set(textAt(key, i), i)
  let difference = 0
  for (const i of last.values()) {
    const [name, value] = [bytesAt(key, i), bytesAt(body, i)]
    const before = find.get(name)?.['value']
    if (before instanceof Uint8Array) difference -= checksumOf(name, before)
    if (value.length === 0) remove.run(name)
    else {
      upsert.run(name, value)
      difference += checksumOf(name, value)
    }
  }
  return difference
}

function sum(books: SinkBooks, terms: SinkBooks): SinkBooks {
  return {
    handed: books.handed + terms.handed,
    stored: books.stored + terms.stored,
    repeated: books.repeated + terms.repeated,
    overwritten: books.overwritten + terms.overwritten,
    filtered: books.filtered + terms.filtered,
    deadLettered: books.deadLettered + terms.deadLettered,
    expired: books.expired + terms.expired,
    damaged: books.damaged + terms.damaged,
  }
}

function failureOf(error: unknown, what: string, otherwise: ErrorCode = 'store-refused'): SinkFailure {
  if (error instanceof SinkFailure) return error
  const code = resultCode(error)
  const why = error instanceof Error ? error.message : String(error)
  const kind = passingCodes.includes(code) ? 'retry' : 'stop'
  const named: ErrorCode = code === full ? 'disk-full' : otherwise
  return new SinkFailure(kind, named, `${what}: ${why}`, error)
}

/** Without what SQLite's extended codes add. */
function resultCode(error: unknown): number | undefined {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode & 0xff
    : undefined
}
