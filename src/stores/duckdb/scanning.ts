import { isText, type Readings } from '../../core/batch.ts'
import type { SeriesNames } from '../../core/series.ts'
import { textColumn } from '../../core/text-column.ts'
import { selectColumns } from './chunks.ts'
import type { QueryParts } from './range.ts'
import { readChunks } from './reading.ts'
import { exact, int, type Sql, toBigint, toNumber } from './sql.ts'
import { ChunkColumns } from './vectors.ts'

/** Rows of one step, at most about; a batch's numbers must also fit `row`. */
const stepRows = 500_000
const widest = 2n ** 31n

/** Readings of one origin in order of number. Series ids are the store's own. */
export async function* scanReadings(
  parts: QueryParts,
  origin: number,
  fromSeq: bigint,
  signal: AbortSignal,
): AsyncGenerator<Readings> {
  let from = fromSeq
  let width = BigInt(stepRows)
  for (;;) {
    const step = await readChunks(parts.readers, signal, (sql) => readStep(sql, parts, origin, from, width))
    if (step === undefined) return
    if (step.rows === 'too-many') {
      width = width / 2n > 0n ? width / 2n : 1n
      continue
    }
    yield step.rows
    from = step.to
    if (step.rows.length < stepRows / 4) width = width * 2n < widest ? width * 2n : widest
  }
}

type Step = { readonly rows: Readings; readonly to: bigint } | { readonly rows: 'too-many' }

async function readStep(
  sql: Sql,
  { chunks, series }: QueryParts,
  origin: number,
  from: bigint,
  width: bigint,
): Promise<Step | undefined> {
  const tables = chunks.all
  if (tables.length === 0) return undefined
  const where = (low: string) => `origin = ${int(origin)} AND seq >= ${low}`
  // Numbers have gaps: begin at the first there is.
  const lowest = tables.map(({ table }) => `SELECT min(seq) AS seq FROM ${table} WHERE ${where(int(from))}`)
  const [first] = await sql.rows(`SELECT min(seq) FROM (${lowest.join(' UNION ALL ')})`)
  if (first?.[0] == null) return undefined
  const base = toBigint(first[0])
  const to = base + width
  const inStep = `${where(int(base))} AND seq < ${int(to)}`
  const counts = tables.map(({ table }) => `SELECT count(*) AS n FROM ${table} WHERE ${inStep}`)
  const [count] = await sql.rows(`SELECT sum(n) FROM (${counts.join(' UNION ALL ')})`)
  if (toNumber(count?.[0]) > stepRows * 2 && width > 1n) return { rows: 'too-many' }
  const selects = tables.map(
    (chunk) =>
      `SELECT seq, series, time, value, quality, flags, ${selectColumns(chunk)} FROM ${chunk.table} WHERE ${inStep}`,
  )
  const result = await sql.connection.run(
    `SELECT (seq - ${int(base)})::UINTEGER, series, time::DOUBLE, coalesce(value, 'nan'::DOUBLE), quality, flags,
        ${exact(`coalesce(text, '')`)}, ${exact(`coalesce(extra, '')`)}
      FROM (${selects.join(' UNION ALL ')}) ORDER BY seq`,
  )
  const found = (await result.fetchAllChunks()).map((chunk) => new ChunkColumns(chunk))
  const names: SeriesNames = {
    size: series.size,
    version: 0,
    get: (own) =>
      own < series.size
        ? {
            device: series.devices[own] ?? '',
            metric: series.metrics[own] ?? '',
            unit: series.units[own] ?? '',
          }
        : undefined,
  }
  return { rows: joined(found, base, names), to }
}

function joined(found: readonly ChunkColumns[], base: bigint, names: SeriesNames): Readings {
  const length = found.reduce((sum, columns) => sum + columns.length, 0)
  const row = new Uint32Array(length)
  const series = new Uint32Array(length)
  const time = new Float64Array(length)
  const value = new Float64Array(length)
  const quality = new Uint8Array(length)
  const flags = new Uint8Array(length)
  let at = 0
  for (const columns of found) {
    row.set(columns.uint32(0), at)
    series.set(columns.uint32(1), at)
    time.set(columns.float64(2), at)
    value.set(columns.float64(3), at)
    quality.set(columns.uint8(4), at)
    flags.set(columns.uint8(5), at)
    at += columns.length
  }
  const hasText = flags.some((each) => (each & isText) !== 0)
  const extras = found.flatMap((columns) => columns.texts(7).map((each) => each ?? ''))
  const texts = hasText ? found.flatMap((columns) => columns.texts(6).map((each) => each ?? '')) : []
  return {
    kind: 'readings',
    length,
    base,
    row,
    series,
    time,
    value,
    quality,
    flags,
    text: hasText ? textColumn(texts) : undefined,
    extra: extras.some((each) => each !== '') ? textColumn(extras) : undefined,
    names,
  }
}
