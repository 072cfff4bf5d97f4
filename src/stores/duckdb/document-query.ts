import type { DocumentBytes, DocumentQuery, DocumentRow } from '../../core/store.ts'
import type { DocumentTables } from './documents.ts'
import type { Readers } from './readers.ts'
import { exact, int, timeBound, toBigint, toNumber, toText } from './sql.ts'

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
      `SELECT ${exact('key')}, time, seq, ${exact('body')} FROM ${table.table} WHERE ${where.join(' AND ')} ORDER BY seq ${order} LIMIT ${int(query.limit)}`,
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

const maxDevices = 1_000
// Inside a text of JSON its quotes would be escaped: this is the member itself.
const deviceMember = '"device":"'

/** Bytes of the bodies of a stream. */
export async function documentBytes(
  readers: Readers,
  tables: DocumentTables,
  stream: string,
  signal: AbortSignal,
): Promise<DocumentBytes> {
  const table = tables.get(stream)
  if (table === undefined) return { total: 0, devices: [] }
  const [sums, devices] = await readers.read(signal, async (sql) => [
    await sql.rows(`SELECT sum(strlen(body)) FROM ${table.table}`),
    await sql.rows(
      `SELECT regexp_extract(body, '${deviceMember}((?:[^"\\\\]|\\\\.)*)"', 1) AS device, sum(strlen(body)) AS bytes FROM ${table.table} WHERE contains(body, '${deviceMember}') GROUP BY device ORDER BY bytes DESC LIMIT ${maxDevices}`,
    ),
  ])
  const total = sums?.[0]?.[0]
  return {
    total: total == null ? 0 : toNumber(total),
    devices: (devices ?? []).map(([device, bytes]) => [textOf(toText(device)), toNumber(bytes)]),
  }
}

/** What stands between the quotes of a text of JSON. */
function textOf(inside: string): string {
  return String(JSON.parse(`"${inside}"`))
}
