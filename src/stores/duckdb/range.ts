import type { RangeQuery, RangeRows } from '../../core/store.ts'
import type { Chunk, Chunks } from './chunks.ts'
import type { Readers } from './readers.ts'
import { readChunks, windowOf } from './reading.ts'
import { compareText, type SeriesTable } from './series-table.ts'
import { exact, int, type Sql, timeBound } from './sql.ts'
import { ChunkColumns } from './vectors.ts'

/** Rows of one answer. */
const pageRows = 20_000

export interface QueryParts {
  readonly readers: Readers
  readonly chunks: Chunks
  readonly series: SeriesTable
  readonly windowRows: number
}

interface Cursor {
  readonly time: number
  readonly seq: bigint
}

/** Raw rows by (metric, time, number); descending turns time and number around, metrics stay in order. */
export async function* range(
  parts: QueryParts,
  query: RangeQuery,
  signal: AbortSignal,
): AsyncGenerator<RangeRows> {
  let left = query.limit
  for (const [metric, own] of metricsOf(parts.series, query)) {
    const { after } = query
    if (after !== undefined && compareText(metric, after.metric) < 0) continue
    let cursor: Cursor | undefined = after !== undefined && after.metric === metric ? after : undefined
    let { from, to } = query
    while (left > 0 && from < to) {
      const limit = Math.min(left, pageRows)
      const step = await readChunks(parts.readers, signal, async (sql) => {
        const window = windowOf(parts, from, to, query.order)
        return {
          window,
          rows: await readPage(sql, window.chunks, own, metric, { ...query, from, to, limit }, cursor),
        }
      })
      const { window, rows } = step
      if (rows.length > 0) yield rows
      left -= rows.length
      if (rows.length === limit) cursor = cursorAt(rows)
      else if (window.isLast) break
      else {
        const last = window.chunks.at(-1)
        if (query.order === 'ascending') from = last?.to ?? to
        else to = last?.from ?? from
      }
    }
    if (left <= 0) return
  }
}

/** The metrics that the query names, in order, with their series. */
export function metricsOf(
  series: SeriesTable,
  { device, metric }: Pick<RangeQuery, 'device' | 'metric'>,
): [string, number][] {
  return series.metricsOf(device).filter(([name]) => metric === undefined || name === metric)
}

function cursorAt(rows: RangeRows): Cursor {
  const last = rows.length - 1
  return { time: rows.time[last] as number, seq: rows.seq[last] as bigint }
}

async function readPage(
  sql: Sql,
  chunks: readonly Chunk[],
  own: number,
  metric: string,
  query: Pick<RangeQuery, 'from' | 'to' | 'order' | 'limit'>,
  cursor: Cursor | undefined,
): Promise<RangeRows> {
  const hasText = chunks.some((chunk) => chunk.hasText)
  const isDown = query.order === 'descending'
  let where = `series = ${own} AND time >= ${timeBound(query.from)} AND time < ${timeBound(query.to)}`
  if (cursor !== undefined) {
    const [than, time, seq] = [isDown ? '<' : '>', timeBound(cursor.time), int(cursor.seq)]
    where += ` AND time ${than}= ${time} AND (time ${than} ${time} OR seq ${than} ${seq})`
  }
  const tables = chunks.map((chunk) => {
    const text = hasText ? `, ${chunk.hasText ? 'text' : 'NULL::VARCHAR AS text'}` : ''
    return `SELECT time, value, quality, seq${text} FROM ${chunk.table} WHERE ${where}`
  })
  if (tables.length === 0) return page(metric, [], hasText)
  const direction = isDown ? 'DESC' : 'ASC'
  const result = await sql.connection.run(
    `SELECT time::DOUBLE, coalesce(value, 'nan'::DOUBLE), quality, seq${hasText ? `, ${exact('text')}` : ''}
      FROM (${tables.join(' UNION ALL ')}) ORDER BY time ${direction}, seq ${direction} LIMIT ${int(query.limit)}`,
  )
  return page(
    metric,
    (await result.fetchAllChunks()).map((chunk) => new ChunkColumns(chunk)),
    hasText,
  )
}

function page(metric: string, found: readonly ChunkColumns[], hasText: boolean): RangeRows {
  const length = found.reduce((sum, columns) => sum + columns.length, 0)
  const time = new Float64Array(length)
  const value = new Float64Array(length)
  const quality = new Uint8Array(length)
  const seq = new BigInt64Array(length)
  const text: (string | undefined)[] = []
  let at = 0
  for (const columns of found) {
    time.set(columns.float64(0), at)
    value.set(columns.float64(1), at)
    quality.set(columns.uint8(2), at)
    seq.set(columns.int64(3), at)
    if (hasText) text.push(...columns.texts(4))
    at += columns.length
  }
  return {
    length,
    metric: new Array<string>(length).fill(metric),
    time,
    value,
    text: text.some((each) => each !== undefined) ? text : undefined,
    quality,
    seq,
  }
}
