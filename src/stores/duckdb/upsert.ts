// hot: bench/upsert
import { BIGINT, DuckDBDataChunk, UINTEGER, UTINYINT } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import { byNumber, numberAt, type Readings } from '../../core/batch.ts'
import type { Chunk } from './chunks.ts'
import { Identities } from './identities.ts'
import type { Lanes } from './lanes.ts'
import type { Sql } from './sql.ts'
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

/** What stands in the store where a group's rows go, by group; origin -1 where nothing does. */
interface Standing {
  readonly origin: Float64Array
  readonly seq: BigInt64Array
}

export const stagingTable = 'upserts'

export async function createStaging(sql: Sql): Promise<void> {
  await sql.run(
    `CREATE TEMP TABLE ${stagingTable} (series UINTEGER, time BIGINT, by_number UTINYINT, seq BIGINT, grp UINTEGER)`,
  )
}

/**
 * Compares the upsert lane's rows with the rows of the same identity, chunk by chunk, and removes those that lose: the
 * higher (origin, number) wins. The caller appends the winners. Runs inside the open transaction.
 */
export async function upsert(
  sql: Sql,
  batch: Readings,
  lanes: Lanes,
  origin: number,
  chunkAt: (time: number) => Chunk,
): Promise<Upserted> {
  const identities = new Identities(batch, lanes)
  const chunks = groupByChunk(batch, identities, chunkAt)
  await stage(sql, batch, lanes.own, identities)
  const counts = { stored: 0, repeated: 0, overwritten: 0 }
  const winners: number[] = []
  const removed = new Map<Chunk, number>()
  const standing = {
    origin: new Float64Array(identities.size).fill(-1),
    seq: new BigInt64Array(identities.size),
  }
  for (const [chunk, groups] of chunks) {
    if (chunk.rows > 0) await find(sql, chunk, standing)
    let losers = 0
    for (const group of groups) {
      const knownOrigin = standing.origin[group] as number
      const { above, rows } = identities.above(
        group,
        knownOrigin === origin ? standing.seq[group] : undefined,
      )
      if (above === 0 || knownOrigin > origin) {
        counts.repeated += rows
        continue
      }
      winners.push(identities.winner[group] as number)
      counts.repeated += rows - above
      counts.overwritten += knownOrigin < 0 ? above - 1 : above
      if (knownOrigin < 0) counts.stored++
      else losers++
    }
    if (losers > 0) removed.set(chunk, await remove(sql, chunk, origin))
  }
  return { ...counts, winners: Uint32Array.from(winners), removed }
}

function groupByChunk(
  batch: Readings,
  identities: Identities,
  chunkAt: (time: number) => Chunk,
): Map<Chunk, number[]> {
  const chunks = new Map<Chunk, number[]>()
  for (let group = 0; group < identities.size; group++) {
    const chunk = chunkAt(batch.time[identities.winner[group] as number] as number)
    const groups = chunks.get(chunk)
    if (groups === undefined) chunks.set(chunk, [group])
    else groups.push(group)
  }
  return chunks
}

const identityMatch =
  'c.series = u.series AND c.time = u.time AND (c.flags & 1) = u.by_number AND (u.by_number = 0 OR c.seq = u.seq)'

/** The staged rows' time range, so that the scan can leave out row groups by their zone maps. */
function staged(chunk: Chunk): string {
  return `(SELECT * FROM temp.${stagingTable} WHERE time >= ${chunk.from} AND time < ${chunk.to})`
}

async function find(sql: Sql, chunk: Chunk, standing: Standing): Promise<void> {
  const result = await sql.connection.run(
    `SELECT u.grp, c.origin, c.seq FROM ${chunk.table} c JOIN ${staged(chunk)} u ON ${identityMatch}`,
  )
  for (
    let found = await result.fetchChunk();
    found !== null && found.rowCount > 0;
    found = await result.fetchChunk()
  ) {
    const columns = new ChunkColumns(found)
    const group = columns.uint32(0)
    const origin = columns.uint32(1)
    const seq = columns.int64(2)
    for (let i = 0; i < columns.length; i++) {
      standing.origin[group[i] as number] = origin[i] as number
      standing.seq[group[i] as number] = seq[i] as bigint
    }
  }
}

async function remove(sql: Sql, chunk: Chunk, origin: number): Promise<number> {
  return sql.run(
    `DELETE FROM ${chunk.table} c USING ${staged(chunk)} u WHERE ${identityMatch}
      AND (c.origin < ${origin} OR (c.origin = ${origin} AND c.seq < u.seq))`,
  )
}

const types = [UINTEGER, BIGINT, UTINYINT, BIGINT, UINTEGER]

/** Puts the winners' identities into the staging table. */
async function stage(sql: Sql, batch: Readings, own: Uint32Array, identities: Identities): Promise<void> {
  await sql.run(`DELETE FROM temp.${stagingTable}`)
  const appender = await sql.connection.createAppender(stagingTable, 'main', 'temp')
  const chunk = DuckDBDataChunk.create(types)
  const vectorRows = duckdb.vector_size()
  const series = new Uint32Array(vectorRows)
  const time = new BigInt64Array(vectorRows)
  const isByNumber = new Uint8Array(vectorRows)
  const seq = new BigInt64Array(vectorRows)
  const group = new Uint32Array(vectorRows)
  const columns = [series, time, isByNumber, seq, group]
  const vectors = columns.map((_, i) => duckdb.data_chunk_get_vector(chunk.chunk, i))
  for (let from = 0; from < identities.size; from += vectorRows) {
    const count = Math.min(vectorRows, identities.size - from)
    for (let i = 0; i < count; i++) {
      const row = identities.winner[from + i] as number
      series[i] = own[row] as number
      time[i] = BigInt(batch.time[row] as number)
      isByNumber[i] = (batch.flags[row] as number) & byNumber
      seq[i] = numberAt(batch, row)
      group[i] = from + i
    }
    chunk.reset()
    chunk.rowCount = count
    columns.forEach((column, i) => {
      const vector = vectors[i]
      if (vector !== undefined) {
        duckdb.copy_data_to_vector(vector, 0, column.buffer, 0, column.BYTES_PER_ELEMENT * count)
      }
    })
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
}
