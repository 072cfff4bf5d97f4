import { type Chunk, type Chunks, type ChunkWatcher, rowNames } from './chunks.ts'
import { type Sql, timeBound, toNumber } from './sql.ts'

/** Rows sorted at once: about 60 MB in the engine, and a third of a second that writes may have to wait. */
const sliceRows = 1_048_576
/** Changes to the chunk that a rewrite follows up; beyond it is given up, to be tried again when the chunk is quieter. */
const maxTouched = 1_000_000

/** Rows of series [first, last], and of times [from, to) where a single series has too many for one slice. */
interface Slice {
  readonly first: number
  readonly last: number
  readonly from: number
  readonly to: number
}

interface TouchedRange {
  /** undefined: every series. */
  readonly series: readonly number[] | undefined
  readonly from: number
  readonly to: number
}

/**
 * Rewrites a chunk sorted by (series, time), slice by slice, so that no step takes much memory or time and writes go on between them.
 * The chunk's own table stays the truth meanwhile: whatever changes in it is noted, and the last step copies those places
 * again and swaps the tables in one transaction.
 *
 *   begin → slice → slice → … → swap        each is one job of the writer queue; `abandon` at any time
 */
export class Rewrite implements ChunkWatcher {
  readonly chunk: Chunk
  readonly #copy: Chunk
  readonly #sql: Sql
  readonly #chunks: Chunks
  #slices: Slice[] = []
  #series: number[] = []
  #times: number[] = []
  readonly #ranges: TouchedRange[] = []
  #isTooBusy = false

  constructor(sql: Sql, chunks: Chunks, chunk: Chunk) {
    this.#sql = sql
    this.#chunks = chunks
    this.chunk = chunk
    this.#copy = chunks.plan(chunk.from, chunk.to, 0, chunk.hasText)
  }

  get isTooBusy(): boolean {
    return this.#isTooBusy
  }

  async begin(): Promise<void> {
    const { chunk } = this
    this.#slices = await planSlices(this.#sql, chunk)
    await this.#chunks.createTable(this.#sql, this.#copy)
    chunk.watcher = this
  }

  /** Does one step; true when the sorted table stands in the chunk's place. */
  async step(): Promise<boolean> {
    // The first text of the chunk may have come since.
    if (this.chunk.hasText && !this.#copy.hasText) await this.#chunks.addText(this.#sql, this.#copy)
    const slice = this.#slices.shift()
    if (slice === undefined) {
      await this.#swap()
      return true
    }
    await this.#copyRows(`series BETWEEN ${slice.first} AND ${slice.last} AND ${times(slice)}`)
    return false
  }

  /** Leaves the chunk as it is. */
  async abandon(): Promise<void> {
    this.chunk.watcher = undefined
    await this.#sql.run(`DROP TABLE IF EXISTS ${this.#copy.table}`)
  }

  touched(own: Uint32Array, time: Float64Array, pick: Uint32Array | undefined, length: number): void {
    if (this.#series.length + length > maxTouched) this.#isTooBusy = true
    if (this.#isTooBusy) return
    for (let i = 0; i < length; i++) {
      const at = pick === undefined ? i : (pick[i] as number)
      this.#series.push(own[at] as number)
      this.#times.push(time[at] as number)
    }
  }

  touchedRange(series: readonly number[] | undefined, from: number, to: number): void {
    this.#ranges.push({ series, from, to })
  }

  async #swap(): Promise<void> {
    const { chunk } = this
    await this.#stageTouched()
    let sorted = this.#copy
    await this.#sql.transaction(async () => {
      for (const { series, from, to } of this.#ranges) {
        const where = `${series === undefined ? 'true' : `series IN (${series.join(', ')})`} AND ${times({ from, to })}`
        await this.#sql.run(`DELETE FROM ${sorted.table} WHERE ${where}`)
        await this.#copyRows(where)
      }
      if (this.#series.length > 0) {
        const where = '(series, time) IN (SELECT series, time FROM temp.touched)'
        await this.#sql.run(`DELETE FROM ${sorted.table} WHERE ${where}`)
        await this.#copyRows(where)
      }
      const [count] = await this.#sql.rows(`SELECT count(*) FROM ${sorted.table}`)
      const rows = toNumber(count?.[0])
      sorted = { ...sorted, rows, sortedRows: rows }
      if (sorted.rows !== chunk.rows) {
        throw new Error(`${sorted.table} has ${sorted.rows} rows, ${chunk.table} has ${chunk.rows}`)
      }
      await this.#chunks.drop(this.#sql, chunk)
      await this.#chunks.enter(this.#sql, sorted)
    })
    chunk.watcher = undefined
    this.#chunks.wrote(sorted.rows)
    this.#chunks.swapped([chunk], [sorted])
  }

  async #stageTouched(): Promise<void> {
    if (this.#series.length === 0) return
    await this.#sql.run('CREATE OR REPLACE TEMP TABLE touched (series UINTEGER, time BIGINT)')
    const appender = await this.#sql.connection.createAppender('touched', 'main', 'temp')
    for (let i = 0; i < this.#series.length; i++) {
      appender.appendUInteger(this.#series[i] as number)
      appender.appendBigInt(BigInt(this.#times[i] as number))
      appender.endRow()
    }
    appender.closeSync()
  }

  async #copyRows(where: string): Promise<void> {
    const { chunk } = this
    const names = this.#copy.hasText ? `${rowNames}, text, extra` : rowNames
    await this.#sql.run(
      `INSERT INTO ${this.#copy.table} SELECT ${names} FROM ${chunk.table} WHERE ${where} ORDER BY series, time`,
    )
  }
}

function times({ from, to }: Pick<Slice, 'from' | 'to'>): string {
  return `time >= ${timeBound(from)} AND time < ${timeBound(to)}`
}

/** Runs of series with about `sliceRows` rows; a series with more is split by time. */
async function planSlices(sql: Sql, chunk: Chunk): Promise<Slice[]> {
  const rows = await sql.rows(
    `SELECT series, count(*), min(time), max(time) FROM ${chunk.table} GROUP BY series ORDER BY series`,
  )
  const slices: Slice[] = []
  let open: { first: number; last: number; rows: number } | undefined
  for (const row of rows) {
    const [own, count, min, max] = row.map((cell) => toNumber(cell)) as [number, number, number, number] // four were asked
    if (open !== undefined && open.rows + count <= sliceRows) {
      open.last = own
      open.rows += count
      continue
    }
    if (open !== undefined) slices.push({ ...open, from: -Infinity, to: Infinity })
    open = { first: own, last: own, rows: count }
    if (count <= sliceRows * 2) continue
    slices.push(...splitByTime(own, count, min, max))
    open = undefined
  }
  if (open !== undefined) slices.push({ ...open, from: -Infinity, to: Infinity })
  return slices
}

function splitByTime(own: number, rows: number, min: number, max: number): Slice[] {
  const parts = Math.ceil(rows / sliceRows)
  const width = Math.ceil((max + 1 - min) / parts)
  return Array.from({ length: parts }, (_, i) => ({
    first: own,
    last: own,
    from: i === 0 ? -Infinity : min + i * width,
    to: i === parts - 1 ? Infinity : min + (i + 1) * width,
  }))
}
