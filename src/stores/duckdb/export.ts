import { DuckDBInstance } from '@duckdb/node-api'
import type { Store } from '../../core/store.ts'
import { diskStorage, type Storage } from '../../lib/storage.ts'
import type { Chunk } from './chunks.ts'
import type { QueryParts } from './range.ts'
import { readChunks } from './reading.ts'
import { type Sql, timeBound, toNumber } from './sql.ts'

export type ExportQuery = Parameters<Store['export']>[0]

/** Rows of one piece: a read of about a second, whatever the whole takes. */
const pieceRows = 2_000_000

/** Series [first, last] of a stretch of time. */
interface Piece {
  readonly first: number
  readonly last: number
  readonly from: number
  readonly to: number
}

/**
 * Writes the range as a file: device, metric, unit, time (UTC), value, text, quality. Read piece by piece, so that no read transaction
 * stays open for long; a Parquet file cannot be added to, so its pieces are joined by an engine of their own. Returns the rows.
 */
export async function exportRange(
  parts: QueryParts,
  query: ExportQuery,
  format: 'csv' | 'parquet',
  path: string,
  signal: AbortSignal,
  storage: Storage = diskStorage,
): Promise<number> {
  const pieces: string[] = []
  let rows = 0
  try {
    for (const piece of plan(parts, query)) {
      const file = `${path}.part${pieces.length}`
      pieces.push(file)
      rows += await readChunks(parts.readers, signal, (sql) =>
        copyPiece(sql, parts, query, piece, format, file),
      )
      if (format === 'csv' && pieces.length > 1) {
        append(storage, pieces[0] ?? file, file)
        storage.remove(file)
        pieces.pop()
      }
    }
    if (pieces.length === 1) storage.rename(pieces.pop() ?? path, path)
    else await joinParquet(pieces, path, signal)
    return rows
  } finally {
    for (const file of pieces) removeIfThere(storage, file)
  }
}

/** The range cut by chunks and runs of series, each with about `pieceRows` rows; at least one piece, so that an empty range gives an empty file. */
function plan({ chunks, series }: QueryParts, query: ExportQuery): Piece[] {
  const pieces: Piece[] = []
  const highest = Math.max(0, series.size - 1)
  for (const chunk of chunks.within(query.from, query.to)) {
    const count = query.device === undefined ? Math.max(1, Math.ceil(chunk.rows / pieceRows)) : 1
    const width = Math.ceil((highest + 1) / count)
    for (let first = 0; first <= highest; first += width) {
      pieces.push({
        first,
        last: first + width > highest ? 2 ** 32 - 1 : first + width - 1,
        from: Math.max(query.from, chunk.from),
        to: Math.min(query.to, chunk.to),
      })
    }
  }
  return pieces.length > 0 ? pieces : [{ first: 0, last: 0, from: 0, to: 0 }]
}

async function copyPiece(
  sql: Sql,
  { chunks, series }: QueryParts,
  { device, metric }: ExportQuery,
  piece: Piece,
  format: 'csv' | 'parquet',
  file: string,
): Promise<number> {
  const where = [
    `time >= ${timeBound(piece.from)}`,
    `time < ${timeBound(piece.to)}`,
    `series BETWEEN ${piece.first} AND ${piece.last}`,
  ]
  const named = device === undefined ? undefined : series.ofDevice(device, metric)
  if (named !== undefined) where.push(named.length === 0 ? 'false' : `series IN (${named.join(', ')})`)
  const tables = chunks.within(piece.from, piece.to).map((chunk) => selectRows(chunk, where.join(' AND ')))
  if (tables.length === 0) tables.push(emptyRows)
  // Only a metric of every device is chosen by name; the texts of `series` are never put into the SQL.
  const byMetric = named === undefined && metric !== undefined
  await sql.run('CREATE OR REPLACE TEMP TABLE wanted_metric (name VARCHAR)')
  if (byMetric) await sql.run('INSERT INTO temp.wanted_metric VALUES ($1)', [metric])
  const time =
    format === 'csv'
      ? `strftime(make_timestamp(r.time), '%Y-%m-%dT%H:%M:%S.%fZ')`
      : `make_timestamp(r.time) AT TIME ZONE 'UTC'`
  const [written] = await sql.rows(
    `COPY (
      SELECT s.device, s.metric, s.unit, ${time} AS time, r.value, r.text, r.quality
      FROM (SELECT * FROM (${tables.join(' UNION ALL ')}) ORDER BY series, time, seq) r JOIN series s ON s.id = r.series
      ${byMetric ? 'WHERE s.metric IN (SELECT name FROM temp.wanted_metric)' : ''}
    ) TO '${file.replaceAll("'", "''")}' (FORMAT ${format}${format === 'csv' ? `, HEADER ${file.endsWith('.part0')}` : ''})`,
  )
  return toNumber(written?.[0])
}

function selectRows(chunk: Chunk, where: string): string {
  const text = chunk.hasText ? 'text' : 'NULL::VARCHAR AS text'
  return `SELECT series, time, value, ${text}, quality, seq FROM ${chunk.table} WHERE ${where}`
}

const emptyRows =
  'SELECT 0::UINTEGER AS series, 0::BIGINT AS time, 0::DOUBLE AS value, NULL::VARCHAR AS text, 0::UTINYINT AS quality, 0::BIGINT AS seq WHERE false'

async function joinParquet(files: readonly string[], path: string, signal: AbortSignal): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '128MB', threads: '1' })
  const connection = await instance.connect()
  const interrupt = () => connection.interrupt()
  signal.addEventListener('abort', interrupt)
  try {
    signal.throwIfAborted()
    const list = files.map((file) => `'${file.replaceAll("'", "''")}'`).join(', ')
    await connection.run(
      `COPY (SELECT * FROM read_parquet([${list}])) TO '${path.replaceAll("'", "''")}' (FORMAT parquet)`,
    )
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', interrupt)
    connection.closeSync()
    instance.closeSync()
  }
}

function append(storage: Storage, to: string, from: string): void {
  const source = storage.open(from, 'read')
  const target = storage.open(to, 'write')
  try {
    const buffer = new Uint8Array(1 << 20)
    let at = 0
    for (let read = source.read(buffer, at); read > 0; read = source.read(buffer, at)) {
      target.write([buffer.subarray(0, read)], target.size())
      at += read
    }
  } finally {
    source.close()
    target.close()
  }
}

function removeIfThere(storage: Storage, file: string): void {
  try {
    storage.remove(file)
  } catch {
    // a piece that was never begun
  }
}
