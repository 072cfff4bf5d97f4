import { isUtf8 } from 'node:buffer'
import { type Documents, numberAt } from '../../core/batch.ts'
import { discardBegin, type DiscardedLetter, readDiscard } from '../../core/discard.ts'
import type { Refusal } from '../../core/sink.ts'
import { bytesAt } from '../../core/text-column.ts'
import { DocumentAppender } from './document-appender.ts'
import { type DiscardedKey, findDiscarded, type LettersOfBatch, SinkLetters } from './sink-letters.ts'
import { int, type Sql, toBigint, toNumber, toText } from './sql.ts'
import type { Applied, Prepared } from './writer.ts'

/** The table of a stream. */
export interface DocumentTable {
  readonly id: number
  readonly stream: string
  /** `d<id>`: safe to stand in SQL. */
  readonly table: string
  rows: number
}

/**
 * Documents, one table a stream, in the order of the log. A document's identity is (key, time, number): the number, so that two
 * posts of one author in one second stay two; key and time, so that another log's number is not taken for this one's.
 */
export class DocumentTables {
  readonly #byStream = new Map<string, DocumentTable>()
  readonly #sinkLetters = new SinkLetters()
  readonly #appender = new DocumentAppender()
  /** Newest time of any document; -Infinity before the first. */
  newestTime = -Infinity

  async load(sql: Sql): Promise<void> {
    for (const row of await sql.rows('SELECT id, name FROM streams')) {
      const id = toNumber(row[0])
      const [count] = await sql.rows(`SELECT count(*), max(time) FROM d${id}`)
      const stream = toText(row[1])
      this.#byStream.set(stream, { id, stream, table: `d${id}`, rows: toNumber(count?.[0]) })
      if (count?.[1] != null) this.newestTime = Math.max(this.newestTime, toNumber(count[1]))
    }
  }

  get(stream: string): DocumentTable | undefined {
    return this.#byStream.get(stream)
  }

  get all(): DocumentTable[] {
    return [...this.#byStream.values()]
  }

  async prepare(sql: Sql, batch: Documents, origin: number, isNew: boolean): Promise<Prepared> {
    const refused = refusals(batch)
    const table = this.#byStream.get(batch.stream) ?? (await this.#create(sql, batch.stream))
    return { refused, apply: () => this.#apply(sql, table, batch, origin, isNew) }
  }

  async #apply(
    sql: Sql,
    table: DocumentTable,
    batch: Documents,
    origin: number,
    isNew: boolean,
  ): Promise<Applied> {
    const { length } = batch
    const letters =
      table.stream === lettersStream ? await this.#sinkLetters.find(sql, table.table, batch) : undefined
    const repeats = letters?.repeated ?? none
    if (isNew) {
      await this.#appender.append(sql, table.table, { batch, origin, without: repeats })
      const discarded = await discard(sql, table, batch, origin)
      const stored = length - repeats.size
      const written = { stored, repeated: repeats.size, overwritten: 0, refused: [] }
      return { written, commit: () => this.#grew(table, stored - discarded, batch, letters) }
    }
    await sql.run(
      'CREATE OR REPLACE TEMP TABLE documents_in (key VARCHAR, time BIGINT, origin UINTEGER, seq BIGINT, body VARCHAR)',
    )
    await this.#appender.append(sql, 'documents_in', { batch, origin, without: repeats }, 'temp')
    const same = 'd.seq = i.seq AND d.key = i.key AND d.time = i.time'
    const overwritten = await sql.run(
      `DELETE FROM ${table.table} d USING temp.documents_in i WHERE ${same} AND d.origin < i.origin`,
    )
    const inserted = await sql.run(
      `INSERT INTO ${table.table} SELECT * FROM temp.documents_in i
        WHERE NOT EXISTS (SELECT 1 FROM ${table.table} d WHERE ${same}) ORDER BY seq`,
    )
    const stored = inserted - overwritten
    const discarded =
      (await discard(sql, table, batch, origin)) + (await discardAgain(sql, table, batch, origin, letters))
    return {
      written: { stored, repeated: length - inserted, overwritten, refused: [] },
      commit: () => this.#grew(table, stored - discarded, batch, letters),
    }
  }

  #grew(table: DocumentTable, rows: number, batch: Documents, letters: LettersOfBatch | undefined): void {
    table.rows += rows
    letters?.commit()
    for (const time of batch.time.subarray(0, batch.length)) this.newestTime = Math.max(this.newestTime, time)
  }

  /** Makes the stream's table. Its own transaction: an empty table harms nothing. */
  async #create(sql: Sql, stream: string): Promise<DocumentTable> {
    const id = 1 + Math.max(0, ...this.all.map((table) => table.id))
    const table = { id, stream, table: `d${id}`, rows: 0 }
    await sql.transaction(async () => {
      await sql.run(
        `CREATE TABLE ${table.table} (key VARCHAR, time BIGINT, origin UINTEGER, seq BIGINT, body VARCHAR)`,
      )
      await sql.run(`INSERT INTO streams VALUES (${int(id)}, $1)`, [stream])
    })
    this.#byStream.set(stream, table)
    return table
  }
}

const lettersStream = 'dead-letters'
const none: ReadonlySet<number> = new Set()

/** Removes the letters that records of the batch discard. A redelivered record does so again: it may have brought them back. */
async function discard(
  sql: Sql,
  { stream, table }: DocumentTable,
  batch: Documents,
  origin: number,
): Promise<number> {
  if (stream !== lettersStream) return 0
  const letters: DiscardedLetter[] = []
  const keys: DiscardedKey[] = []
  for (let i = 0; i < batch.length; i++) {
    for (const letter of readDiscard(bytesAt(batch.body, i)) ?? []) {
      letters.push(letter)
      if (letter.key !== undefined) keys.push({ key: letter.key, before: numberAt(batch, i) })
    }
  }
  return await remove(sql, table, [...letters, ...(await findDiscarded(sql, table, origin, keys))])
}

/** Removes letters of the batch that records which stand already discard: what comes again may end before them. */
async function discardAgain(
  sql: Sql,
  { stream, table }: DocumentTable,
  batch: Documents,
  origin: number,
  found: LettersOfBatch | undefined,
): Promise<number> {
  if (stream !== lettersStream) return 0
  const numbers = new Set<bigint>()
  for (let i = 0; i < batch.length; i++) numbers.add(numberAt(batch, i))
  const records = await sql.rows(`SELECT body, seq, origin FROM ${table} WHERE starts_with(body, $1)`, [
    discardBegin,
  ])
  const letters: DiscardedLetter[] = []
  const keys: DiscardedKey[] = []
  for (const [body, seq, of] of records) {
    for (const letter of readDiscard(new TextEncoder().encode(toText(body))) ?? []) {
      if (numbers.has(letter.number)) letters.push(letter)
      const { key } = letter
      if (key !== undefined && found?.keys.has(key) === true && toNumber(of) === origin)
        keys.push({ key, before: toBigint(seq) })
    }
  }
  return await remove(sql, table, [...letters, ...(await findDiscarded(sql, table, origin, keys))])
}

async function remove(sql: Sql, table: string, letters: readonly DiscardedLetter[]): Promise<number> {
  if (letters.length === 0) return 0
  await sql.run('CREATE OR REPLACE TEMP TABLE discarded_in (seq BIGINT, time BIGINT)')
  const appender = await sql.connection.createAppender('discarded_in', 'main', 'temp')
  for (const { number, time } of letters) {
    appender.appendBigInt(number)
    appender.appendBigInt(BigInt(time))
    appender.endRow()
  }
  appender.closeSync()
  return await sql.run(
    `DELETE FROM ${table} d USING temp.discarded_in i WHERE d.seq = i.seq AND d.time = i.time`,
  )
}

function refusals(batch: Documents): Refusal[] {
  const refused: Refusal[] = []
  for (let index = 0; index < batch.length; index++) {
    const time = batch.time[index] as number
    if (!Number.isSafeInteger(Math.floor(time))) {
      refused.push({ index, code: 'invalid-time', reason: `time ${time} µs cannot be kept exactly` })
    } else if (!isUtf8(bytesAt(batch.key, index)) || !isUtf8(bytesAt(batch.body, index))) {
      refused.push({ index, code: 'invalid-value', reason: 'key or body is not valid UTF-8' })
    }
  }
  return refused
}
