// hot: bench/upsert
import { BIGINT, UINTEGER, UTINYINT } from '@duckdb/node-api'
import { byNumber, type Readings } from '../../core/batch.ts'
import type { Chunk, Chunks } from './chunks.ts'
import { Identities } from './identities.ts'
import { Numbers, putTime } from './int64.ts'
import type { Lanes } from './lanes.ts'
import { partition } from './partition.ts'
import { int, type Sql } from './sql.ts'
import { splitRange, type TimeRange } from './time-ranges.ts'
import { VectorSet, vectorRows } from './vector-set.ts'
import { ChunkColumns } from './vectors.ts'

/** Rows of the upsert lane after comparing them with what stands there. */
export interface Upserted {
  readonly stored: number
  readonly repeated: number
  readonly overwritten: number
  /** Rows of the batch to append, in order of their chunk. */
  readonly winners: Uint32Array
  /** Rows removed by chunk. */
  readonly removed: ReadonlyMap<Chunk, number>
}

/** What stands in the store where a group's rows go, by group. */
interface Standing {
  /** -1 where nothing does. */
  readonly origin: Float64Array
  /** Number less the batch's base: exact where it matters, and no bigint a row. */
  readonly offset: Float64Array
}

const stagingTable = 'upserts'

/**
 * Compares the upsert lane's rows with the rows of the same identity, chunk by chunk, and removes those that lose: the
 * higher (origin, number) wins. The caller appends the winners. Runs inside the open transaction.
 */
export async function upsert(
  sql: Sql,
  batch: Readings,
  lanes: Lanes,
  origin: number,
  chunks: Chunks,
): Promise<Upserted> {
  const identities = new Identities(batch, lanes)
  const timeOf = (group: number) => batch.time[identities.winner[group] as number] as number
  const byChunk = partition(identities.size, (group) => chunks.indexOf(timeOf(group)))
  await stage(sql, batch, lanes.own, identities)
  const numbers = new Numbers(batch.base)
  const counts = { stored: 0, repeated: 0, overwritten: 0 }
  const winners = new Uint32Array(identities.size)
  let size = 0
  const removed = new Map<Chunk, number>()
  const standing = {
    origin: new Float64Array(identities.size).fill(-1),
    offset: new Float64Array(identities.size),
  }
  for (const [index, groups] of byChunk) {
    const chunk = chunks.all[index] as Chunk // the caller made one for every time
    for (const { range, inRange } of split(groups, timeOf)) {
      chunks.touch(chunk)
      if (chunk.rows > 0) await find(sql, chunk, range, numbers, standing)
      let losers = 0
      for (const group of inRange) {
        const knownOrigin = standing.origin[group] as number
        const rows = identities.rows(group)
        const above =
          knownOrigin === origin ? identities.above(group, standing.offset[group] as number) : rows
        if (above === 0 || knownOrigin > origin) {
          counts.repeated += rows
          continue
        }
        winners[size++] = identities.winner[group] as number
        counts.repeated += rows - above
        counts.overwritten += knownOrigin < 0 ? above - 1 : above
        if (knownOrigin < 0) counts.stored++
        else losers++
      }
      if (losers === 0) continue
      removed.set(chunk, (removed.get(chunk) ?? 0) + (await remove(sql, chunk, range, origin)))
    }
  }
  return { ...counts, winners: winners.subarray(0, size), removed }
}

const identityMatch =
  'c.series = u.series AND c.time = u.time AND (c.flags & 1) = u.by_number AND (u.by_number = 0 OR c.seq = u.seq)'

/** A chunk's groups by the stretches of time that are looked up together. */
function split(
  groups: Uint32Array,
  timeOf: (group: number) => number,
): { readonly range: TimeRange; readonly inRange: Uint32Array }[] {
  const ranges = splitRange(Float64Array.from(groups, timeOf))
  const cut = ranges[1]?.from ?? Infinity
  const parts = partition(groups.length, (i) => (timeOf(groups[i] as number) < cut ? 0 : 1))
  return ranges.map((range, i) => ({
    range,
    inRange: (parts.get(i) ?? new Uint32Array(0)).map((at) => groups[at] as number),
  }))
}

/** The staged rows of a stretch. */
function staged(range: TimeRange): string {
  return `(SELECT * FROM temp.${stagingTable} WHERE ${within('time', range)})`
}

/** Said of the chunk's rows too, so that the scan leaves out row groups by their zone maps. */
function within(column: string, { from, to }: TimeRange): string {
  return `${column} >= ${int(from)} AND ${column} < ${int(to)}`
}

async function find(
  sql: Sql,
  chunk: Chunk,
  range: TimeRange,
  numbers: Numbers,
  standing: Standing,
): Promise<void> {
  const result = await sql.connection.run(
    `SELECT u.grp, c.origin, c.seq FROM ${chunk.table} c JOIN ${staged(range)} u ON ${identityMatch} WHERE ${within('c.time', range)}`,
  )
  for (
    let found = await result.fetchChunk();
    found !== null && found.rowCount > 0;
    found = await result.fetchChunk()
  ) {
    const columns = new ChunkColumns(found)
    const group = columns.uint32(0)
    const origin = columns.uint32(1)
    const seq = columns.pairs(2)
    for (let i = 0; i < columns.length; i++) {
      standing.origin[group[i] as number] = origin[i] as number
      standing.offset[group[i] as number] = numbers.offset(seq, i)
    }
  }
}

async function remove(sql: Sql, chunk: Chunk, range: TimeRange, origin: number): Promise<number> {
  return sql.run(
    `DELETE FROM ${chunk.table} c USING ${staged(range)} u WHERE ${identityMatch} AND ${within('c.time', range)}
      AND (c.origin < ${origin} OR (c.origin = ${origin} AND c.seq < u.seq))`,
  )
}

const types = [UINTEGER, BIGINT, UTINYINT, BIGINT, UINTEGER]

/** Puts the winners' identities into the staging table. */
async function stage(sql: Sql, batch: Readings, own: Uint32Array, identities: Identities): Promise<void> {
  // Made anew: deleted rows of a temporary table keep their memory.
  await sql.run(
    `CREATE OR REPLACE TEMP TABLE ${stagingTable} (series UINTEGER, time BIGINT, by_number UTINYINT, seq BIGINT, grp UINTEGER)`,
  )
  const appender = await sql.connection.createAppender(stagingTable, 'main', 'temp')
  const vectors = new VectorSet(types)
  const numbers = new Numbers(batch.base)
  const series = new Uint32Array(vectorRows)
  const time = new Uint32Array(vectorRows * 2)
  const isByNumber = new Uint8Array(vectorRows)
  const seq = new Uint32Array(vectorRows * 2)
  const group = new Uint32Array(vectorRows)
  for (let from = 0; from < identities.size; from += vectorRows) {
    const count = Math.min(vectorRows, identities.size - from)
    for (let i = 0; i < count; i++) {
      const row = identities.winner[from + i] as number
      series[i] = own[row] as number
      putTime(time, i, batch.time[row] as number)
      isByNumber[i] = (batch.flags[row] as number) & byNumber
      numbers.put(seq, i, batch.row === undefined ? row : (batch.row[row] as number))
      group[i] = from + i
    }
    vectors.start(count)
    vectors.copy(0, series, count * 4)
    vectors.copy(1, time, count * 8)
    vectors.copy(2, isByNumber, count)
    vectors.copy(3, seq, count * 8)
    vectors.copy(4, group, count * 4)
    appender.appendDataChunk(vectors.chunk)
  }
  appender.closeSync()
}
