import type { DocumentQuery, DocumentRow } from '../../core/store.ts'
import type { DocumentTables } from './documents.ts'
import type { Readers } from './readers.ts'
import { int, timeBound, toBigint, toNumber, toText } from './sql.ts'

/** Documents of a stream, newest number first; oldest first behind `after`. */
export async function queryDocuments(
  readers: Readers,
  tables: DocumentTables,
  query: DocumentQuery,
  signal: AbortSignal,
): Promise<DocumentRow[]> {
  const table = tables.get(query.stream)
  if (table === undefined) return []
  const where = [`time >= ${timeBound(query.from)}`, `time < ${timeBound(query.to)}`]
  const values: string[] = []
  if (query.key !== undefined) where.push(`key = $${values.push(query.key)}`)
  if (query.match !== undefined) where.push(`contains(lower(body), lower($${values.push(query.match)}))`)
  if (query.before !== undefined) where.push(`seq < ${int(query.before)}`)
  if (query.after !== undefined) where.push(`seq > ${int(query.after)}`)
  const order = query.after === undefined ? 'DESC' : 'ASC'
  const rows = await readers.read(signal, (sql) =>
    sql.rows(
      `SELECT key, time, seq, body FROM ${table.table} WHERE ${where.join(' AND ')} ORDER BY seq ${order} LIMIT ${int(query.limit)}`,
      values,
    ),
  )
  return rows.map((row) => ({
    key: toText(row[0]),
    time: toNumber(row[1]),
    seq: toBigint(row[2]),
    body: toText(row[3]),
  }))
}

/** Bytes of the bodies of a stream. */
export async function documentBytes(
  readers: Readers,
  tables: DocumentTables,
  stream: string,
  signal: AbortSignal,
): Promise<number> {
  const table = tables.get(stream)
  if (table === undefined) return 0
  const [row] = await readers.read(signal, (sql) => sql.rows(`SELECT sum(strlen(body)) FROM ${table.table}`))
  return row?.[0] == null ? 0 : toNumber(row[0])
}
