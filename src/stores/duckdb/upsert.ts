// hot: bench/upsert
import { BIGINT, UINTEGER, UTINYINT } from '@duckdb/node-api'
import { byNumber, type Readings } from '../../core/batch.ts'
import type { Chunk, Chunks } from './chunks.ts'
import { rowGroupRows } from './engine.ts'
import { Identities } from './identities.ts'
import { Numbers, putTime } from './int64.ts'
import type { Lanes } from './lanes.ts'
import { partition } from './partition.ts'
import { int, type Sql } from './sql.ts'
import { splitRange, type TimeRange } from './time-ranges.ts'
import { VectorSet, vectorRows } from './vector-set.ts'
import { ChunkColumns } from './vectors.ts'

/** What stands in the store where a group's rows go, by group. */
interface Standing {
  /** -1 where nothing does. */
  readonly origin: Float64Array
  /** Number less the batch's base: exact where it matters, and no bigint a row. */
  readonly offset: Float64Array
  readonly rowid: Float64Array
}

/** Rows that stand there and lose, with the rows of the batch that take their place. */
export interface Losers {
  readonly rowids: Float64Array
  readonly winners: Uint32Array
}

const stagingTable = 'upserts'

/**
 * The upsert lane's rows of a batch, compared chunk by chunk with the rows of the same identity: the higher (origin, number) wins.
 * Made before the transaction; nothing but the writer changes the chunks, so it stays true until then.
 */
export class UpsertPlan {
  stored = 0
  repeated = 0
  overwritten = 0
  /** Rows of the batch whose identity stands nowhere. */
  newcomers = new Uint32Array(0)
  readonly #sql: Sql
  readonly #numbers: Numbers
  readonly #identities: Identities
  readonly #standing: Standing
  readonly #ranges = new Map<Chunk, TimeRange[]>()
  readonly #losing = new Map<Chunk, Uint32Array>()

  private constructor(sql: Sql, batch: Readings, identities: Identities) {
    this.#sql = sql
    this.#numbers = new Numbers(batch.base)
    this.#identities = identities
    this.#standing = {
      origin: new Float64Array(identities.size).fill(-1),
      offset: new Float64Array(identities.size),
      rowid: new Float64Array(identities.size),
    }
  }

  static async make(
    sql: Sql,
    batch: Readings,
    lanes: Lanes,
    origin: number,
    chunks: Chunks,
  ): Promise<UpsertPlan> {
    const identities = new Identities(batch, lanes)
    const plan = new UpsertPlan(sql, batch, identities)
    await stage(sql, batch, lanes.own, identities)
    const timeOf = (group: number) => batch.time[identities.winner[group] as number] as number
    const byChunk = partition(identities.size, (group) => chunks.indexOf(timeOf(group)))
    const newcomers = new Uint32Array(identities.size)
    let size = 0
    for (const [index, groups] of byChunk) {
      const chunk = chunks.all[index] as Chunk // the caller made one for every time
      plan.#ranges.set(chunk, splitRange(Float64Array.from(groups, timeOf)))
      if (chunk.rows > 0) {
        chunks.touch(chunk)
        await plan.#find(chunk)
      }
      const losing = groups.filter((group) => plan.#judge(group, origin) === 'overwrites')
      if (losing.length > 0) plan.#losing.set(chunk, losing)
      for (const group of groups) {
        if (plan.#standing.origin[group] === -1) newcomers[size++] = identities.winner[group] as number
      }
    }
    plan.newcomers = newcomers.subarray(0, size)
    return plan
  }

  /** Row groups in which rows are going to be removed. */
  get rowGroups(): number {
    let count = 0
    for (const chunk of this.#losing.keys()) count += countRowGroups(this.losers(chunk).rowids)
    return count
  }

  get chunks(): Chunk[] {
    return [...this.#losing.keys()]
  }

  /** Losers of a chunk in order of their place, in at most so many row groups. */
  losers(chunk: Chunk, maxRowGroups = Infinity): Losers {
    const { rowid } = this.#standing
    const groups = this.#losing.get(chunk) ?? new Uint32Array(0)
    const sorted = groups.toSorted((a, b) => (rowid[a] as number) - (rowid[b] as number))
    const rowids = Float64Array.from(sorted, (group) => rowid[group] as number)
    const count = countWithin(rowids, maxRowGroups)
    const winners = sorted.subarray(0, count).map((group) => this.#identities.winner[group] as number)
    return { rowids: rowids.subarray(0, count), winners }
  }

  /** The losers of a chunk, looked up again: a checkpoint may have moved the rows of every chunk. */
  async findLosers(chunk: Chunk, maxRowGroups: number): Promise<Losers> {
    if (this.#losing.has(chunk)) await this.#find(chunk)
    return this.losers(chunk, maxRowGroups)
  }

  /** These losers are gone and their winners stand. */
  replaced(chunk: Chunk, { winners }: Losers): void {
    const done = new Set(winners)
    const rest = this.#losing
      .get(chunk)
      ?.filter((group) => !done.has(this.#identities.winner[group] as number))
    if (rest === undefined || rest.length === 0) this.#losing.delete(chunk)
    else this.#losing.set(chunk, rest)
  }

  /** Counts the rows of a group, and says what its winner does. */
  #judge(group: number, origin: number): 'stored' | 'overwrites' | 'repeats' {
    const known = this.#standing.origin[group] as number
    const rows = this.#identities.rows(group)
    const above =
      known === origin ? this.#identities.above(group, this.#standing.offset[group] as number) : rows
    if (above === 0 || known > origin) {
      this.repeated += rows
      return 'repeats'
    }
    this.repeated += rows - above
    this.overwritten += known < 0 ? above - 1 : above
    if (known >= 0) return 'overwrites'
    this.stored++
    return 'stored'
  }

  async #find(chunk: Chunk): Promise<void> {
    for (const range of this.#ranges.get(chunk) ?? []) {
      await find(this.#sql, chunk, range, this.#numbers, this.#standing)
    }
  }
}

/** Removes rows by their place, inside the open transaction. */
export async function removeLosers(sql: Sql, chunk: Chunk, { rowids }: Losers): Promise<void> {
  await sql.run('CREATE OR REPLACE TEMP TABLE losers (place BIGINT)')
  const appender = await sql.connection.createAppender('losers', 'main', 'temp')
  const vectors = new VectorSet([BIGINT])
  const places = new Uint32Array(vectorRows * 2)
  for (let from = 0; from < rowids.length; from += vectorRows) {
    const count = Math.min(vectorRows, rowids.length - from)
    for (let i = 0; i < count; i++) putTime(places, i, rowids[from + i] as number)
    vectors.start(count)
    vectors.copy(0, places, count * 8)
    appender.appendDataChunk(vectors.chunk)
  }
  appender.closeSync()
  const removed = await sql.run(
    `DELETE FROM ${chunk.table} WHERE rowid IN (SELECT place FROM temp.losers)
      AND rowid BETWEEN ${int(rowids[0] ?? 0)} AND ${int(rowids.at(-1) ?? 0)}`,
  )
  if (removed !== rowids.length)
    throw new Error(`${removed} of ${rowids.length} rows were where they had been found`)
}

function countRowGroups(sorted: Float64Array): number {
  let count = 0
  let last = -1
  for (const rowid of sorted) {
    const rowGroup = Math.floor(rowid / rowGroupRows)
    if (rowGroup !== last) count++
    last = rowGroup
  }
  return count
}

/** How many rows, in order of place, lie in the first `maxRowGroups` row groups. */
function countWithin(sorted: Float64Array, maxRowGroups: number): number {
  let rowGroups = 0
  let last = -1
  for (let i = 0; i < sorted.length; i++) {
    const rowGroup = Math.floor((sorted[i] as number) / rowGroupRows)
    if (rowGroup !== last && ++rowGroups > maxRowGroups) return i
    last = rowGroup
  }
  return sorted.length
}

const identityMatch =
  'c.series = u.series AND c.time = u.time AND (c.flags & 1) = u.by_number AND (u.by_number = 0 OR c.seq = u.seq)'

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
    `SELECT u.grp, c.origin, c.seq, c.rowid FROM ${chunk.table} c JOIN ${staged(range)} u ON ${identityMatch} WHERE ${within('c.time', range)}`,
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
    const rowid = columns.pairs(3)
    for (let i = 0; i < columns.length; i++) {
      standing.origin[group[i] as number] = origin[i] as number
      standing.offset[group[i] as number] = numbers.offset(seq, i)
      standing.rowid[group[i] as number] = (rowid[2 * i + 1] as number) * 2 ** 32 + (rowid[2 * i] as number)
    }
  }
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
