import type { Aggregate, BucketQuery, BucketRows } from '../../core/store.ts'
import type { Chunk } from './chunks.ts'
import { metricsOf, type QueryParts } from './range.ts'
import { readChunks, windowOf } from './reading.ts'
import { int, type Sql, timeBound } from './sql.ts'
import { ChunkColumns } from './vectors.ts'

/** What is read of a bucket: enough to join two parts of one bucket that lie in different windows of chunks. */
const columns = ['sum', 'numbers', 'rows', 'min', 'max', 'first', 'last', 'worst'] as const
type Column = (typeof columns)[number]
type Bucket = Record<Column, number> & { time: number }

/** Series whose window is read at once: a dashboard asks for all metrics of a device over a few chunks. */
const seriesAtOnce = 64

const needs: Record<Aggregate, readonly Column[]> = {
  avg: ['sum', 'numbers'],
  min: ['min'],
  max: ['max'],
  sum: ['sum', 'numbers'],
  count: ['rows'],
  first: ['first'],
  last: ['last'],
  worstQuality: ['worst'],
}

/** Buckets by (metric, time), aligned to 1970. */
export async function* buckets(
  parts: QueryParts,
  query: BucketQuery,
  signal: AbortSignal,
): AsyncGenerator<BucketRows> {
  if (!Number.isSafeInteger(query.step) || query.step < 1) throw new RangeError(`step ${query.step} µs`)
  const metrics = metricsOf(parts.series, query)
  let left = query.limit
  for (let i = 0; i < metrics.length && left > 0; i += seriesAtOnce) {
    const group = metrics.slice(i, i + seriesAtOnce)
    const found = await readGroup(parts, query, group, left, signal)
    const rows = answer(query, group, found, left)
    left -= rows.length
    if (rows.length > 0) yield rows
  }
}

/** Buckets of some series: window after window, at most `limit` of the first series that have any. */
async function readGroup(
  parts: QueryParts,
  query: BucketQuery,
  group: readonly [string, number][],
  limit: number,
  signal: AbortSignal,
): Promise<Map<number, Bucket[]>> {
  const bySeries = new Map<number, Bucket[]>(group.map(([, own]) => [own, []]))
  let { from } = query
  for (;;) {
    const { window, found } = await readChunks(parts.readers, signal, async (sql) => {
      const window = windowOf(parts, from, query.to, 'ascending')
      return { window, found: await read(sql, window.chunks, { ...query, from }, group, limit) }
    })
    for (const { own, bucket } of found) {
      const list = bySeries.get(own)
      const last = list?.at(-1)
      if (last?.time === bucket.time) join(last, bucket)
      else list?.push(bucket)
    }
    if (window.isLast) return bySeries
    from = window.chunks.at(-1)?.to ?? query.to
  }
}

async function read(
  sql: Sql,
  chunks: readonly Chunk[],
  query: BucketQuery,
  group: readonly [string, number][],
  limit: number,
): Promise<{ own: number; bucket: Bucket }[]> {
  if (chunks.length === 0) return []
  const asked = new Set(query.aggregates.flatMap((aggregate) => needs[aggregate]))
  const ids = group.map(([, own]) => own).join(', ')
  const where = `series IN (${ids}) AND time >= ${timeBound(query.from)} AND time < ${timeBound(query.to)}`
  const tables = chunks.map(
    (chunk) => `SELECT series, time, seq, value, quality FROM ${chunk.table} WHERE ${where}`,
  )
  const step = int(query.step)
  const expressions: Record<Column, string> = {
    sum: "coalesce(sum(value), 'nan'::DOUBLE)",
    numbers: 'count(value)::DOUBLE',
    rows: 'count(*)::DOUBLE',
    min: "coalesce(min(value), 'nan'::DOUBLE)",
    max: "coalesce(max(value), 'nan'::DOUBLE)",
    first: "coalesce(arg_min_null(value, {'time': time, 'seq': seq}), 'nan'::DOUBLE)",
    last: "coalesce(arg_max_null(value, {'time': time, 'seq': seq}), 'nan'::DOUBLE)",
    worst: 'min(quality)::DOUBLE',
  }
  const list = columns.map((column) => (asked.has(column) ? expressions[column] : "'nan'::DOUBLE")).join(', ')
  const result = await sql.connection.run(
    `SELECT series, (time - ((time % ${step}) + ${step}) % ${step})::DOUBLE AS bucket, ${list}
      FROM (${tables.join(' UNION ALL ')}) GROUP BY series, bucket
      ORDER BY list_position([${ids}], series), bucket LIMIT ${int(limit)}`,
  )
  const found: { own: number; bucket: Bucket }[] = []
  for (const chunk of await result.fetchAllChunks()) {
    const view = new ChunkColumns(chunk)
    const series = view.uint32(0)
    const time = view.float64(1)
    const values = columns.map((_, i) => view.float64(2 + i))
    for (let i = 0; i < view.length; i++) {
      const [sum, numbers, rows, min, max, first, last, worst] = values.map(
        (column) => column[i] as number,
      ) as [number, number, number, number, number, number, number, number] // one entry per name in `columns`
      const bucket = { time: time[i] as number, sum, numbers, rows, min, max, first, last, worst }
      found.push({ own: series[i] as number, bucket })
    }
  }
  return found
}

/** Adds the later part of a bucket to its earlier one. */
function join(bucket: Bucket, later: Bucket): void {
  const hadNumbers = !Number.isNaN(bucket.sum)
  if (!hadNumbers) bucket.sum = later.sum
  else if (!Number.isNaN(later.sum)) bucket.sum += later.sum
  bucket.numbers += later.numbers
  bucket.rows += later.rows
  if (Number.isNaN(bucket.min) || later.min < bucket.min) bucket.min = later.min
  if (Number.isNaN(bucket.max) || later.max > bucket.max) bucket.max = later.max
  bucket.last = later.last
  if (later.worst < bucket.worst) bucket.worst = later.worst
}

function answer(
  query: BucketQuery,
  group: readonly [string, number][],
  found: ReadonlyMap<number, readonly Bucket[]>,
  limit: number,
): BucketRows {
  const rows: { metric: string; bucket: Bucket }[] = []
  for (const [metric, own] of group) {
    for (const bucket of found.get(own) ?? []) if (rows.length < limit) rows.push({ metric, bucket })
  }
  const answers: Partial<Record<Aggregate, Float64Array>> = {}
  for (const aggregate of query.aggregates) {
    answers[aggregate] = Float64Array.from(rows, ({ bucket }) => valueOf(bucket, aggregate))
  }
  return {
    length: rows.length,
    metric: rows.map(({ metric }) => metric),
    time: Float64Array.from(rows, ({ bucket }) => bucket.time),
    columns: answers,
  }
}

function valueOf(bucket: Bucket, aggregate: Aggregate): number {
  if (aggregate === 'avg') return bucket.numbers === 0 ? Number.NaN : bucket.sum / bucket.numbers
  if (aggregate === 'count') return bucket.rows
  if (aggregate === 'worstQuality') return bucket.worst
  return bucket[aggregate]
}
