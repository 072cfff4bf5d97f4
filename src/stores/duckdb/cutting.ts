import { type Chunk, type Chunks, rowNames } from './chunks.ts'
import { int, type Sql, toNumber } from './sql.ts'

const second = 1_000_000
/** Above so many rows whole vectors picked at random show the quantiles well enough. */
const sampleFrom = 1_000_000

/**
 * Cuts a full chunk in two at a time, so that chunks hold about as many rows at any rate. Where rows come in order of time, the
 * cut leaves the newest rows, about a twentieth, to the new chunk, which goes on growing; where they come in any order (an import of
 * history), each gets half. Returns false if all rows have one time.
 */
export async function cutChunk(sql: Sql, chunks: Chunks, chunk: Chunk, chunkRows: number): Promise<boolean> {
  const at = await chooseCut(sql, chunk, Math.min(0.95, (0.95 * chunkRows) / chunk.rows))
  if (at === undefined) return false
  const later = chunks.plan(at, chunk.to, 0, chunk.hasText)
  const names = chunk.hasText ? `${rowNames}, text, extra` : rowNames
  const moved = await sql.transaction(async () => {
    await chunks.insert(sql, later)
    await sql.run(`INSERT INTO ${later.table} SELECT ${names} FROM ${chunk.table} WHERE time >= ${int(at)}`)
    await sql.run(`UPDATE chunks SET to_time = ${int(at)} WHERE id = ${chunk.id}`)
    return sql.run(`DELETE FROM ${chunk.table} WHERE time >= ${int(at)}`)
  })
  later.rows = moved
  later.unsorted = moved
  chunks.wrote(moved)
  chunk.rows -= moved
  chunk.to = at
  chunks.swapped([], [later])
  return true
}

async function chooseCut(sql: Sql, chunk: Chunk, part: number): Promise<number | undefined> {
  const [all] = await sql.rows(`SELECT min(time), max(time), max(rowid) FROM ${chunk.table}`)
  const sampled = `${chunk.table} ${chunk.rows > sampleFrom ? 'TABLESAMPLE system(2 PERCENT)' : ''}`
  const [sample] = await sql.rows(`SELECT quantile_disc(time, [0.5, ${part * 0.8}, ${part}]) FROM ${sampled}`)
  const [recent] = await sql.rows(
    `SELECT quantile_disc(time, 0.5) FROM ${sampled} WHERE rowid >= ${Math.floor(toNumber(all?.[2]) * 0.9)}`,
  )
  const [min, max, quantiles] = [toNumber(all?.[0]), toNumber(all?.[1]), sample?.[0]]
  if (min === max || quantiles == null || typeof quantiles !== 'object' || !('items' in quantiles))
    return undefined
  const [half, late, newest] = quantiles.items.map((item) => toNumber(item)) as [number, number, number] // three were asked
  const isInOrder = toNumber(recent?.[0] ?? max) >= late
  const wanted = (isInOrder ? newest : half) + 1
  const rounded = Math.ceil(wanted / second) * second
  const at = rounded <= max ? rounded : wanted
  return at > min && at <= max ? at : max
}
