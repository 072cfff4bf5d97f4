import { int, type Sql, toNumber } from './sql.ts'

/** A stretch of time and the table that holds its rows. */
export interface Chunk {
  readonly id: number
  /** `r<id>`: safe to stand in SQL. */
  readonly table: string
  /** [from, to) µs; chunks do not overlap. */
  readonly from: number
  to: number
  /** Rows that stand there now. */
  rows: number
  /** Rows that were sorted by (series, time) when the table was written; 0 if it never was. */
  readonly sortedRows: number
  /** Rows appended since then. */
  unsorted: number
  /** Whether the table has the columns `text` and `extra`, which few readings need. */
  hasText: boolean
  /** Told of every place that changes while the chunk is being rewritten. */
  watcher: ChunkWatcher | undefined
}

export interface ChunkWatcher {
  /** Rows of these places were added or removed; `pick` undefined: all from 0 to `length`. */
  touched(own: Uint32Array, time: Float64Array, pick: Uint32Array | undefined, length: number): void
  /** Rows of the series (undefined: of all) in [from, to) were changed. */
  touchedRange(series: readonly number[] | undefined, from: number, to: number): void
}

const minute = 60_000_000
/** A new chunk covers 45.5 days; what is more than two years behind the newest chunk shares chunks of 8 years. Full chunks are cut. */
const usualMinutes = 2 ** 16
const oldMinutes = 2 ** 22
const oldBehind = 2 * 365 * 24 * 60 * minute

export const rowColumns =
  'series UINTEGER, time BIGINT, value DOUBLE, quality UTINYINT, flags UTINYINT, origin UINTEGER, seq BIGINT'
export const rowNames = 'series, time, value, quality, flags, origin, seq'

/** The catalogue of time chunks, mirrored in memory. Only the writer changes it. */
export class Chunks {
  #sorted: Chunk[] = []
  #nextId = 1
  readonly #touched = new Set<number>()
  #loadedRows = 0

  /** Chunks in order of time. The array is replaced, never changed. */
  get all(): readonly Chunk[] {
    return this.#sorted
  }

  /** Rows whose row groups the engine has in memory since the file was attached, about. */
  get loadedRows(): number {
    return this.#loadedRows
  }

  /** All of a chunk is looked at. */
  touch(chunk: Chunk): void {
    if (this.#touched.has(chunk.id)) return
    this.#touched.add(chunk.id)
    this.#loadedRows += chunk.rows
  }

  wrote(rows: number): void {
    this.#loadedRows += rows
  }

  reattached(): void {
    this.#touched.clear()
    this.#loadedRows = 0
  }

  /** Reads the catalogue and removes tables that an interrupted rewrite left behind. */
  async load(sql: Sql): Promise<void> {
    const chunks: Chunk[] = []
    for (const row of await sql.rows('SELECT id, from_time, to_time, sorted_rows, has_text FROM chunks')) {
      const id = toNumber(row[0])
      const [count] = await sql.rows(`SELECT count(*), max(rowid) FROM r${id}`)
      const appended = count?.[1] == null ? 0 : toNumber(count[1]) + 1
      chunks.push({
        id,
        table: `r${id}`,
        from: toNumber(row[1]),
        to: toNumber(row[2]),
        rows: toNumber(count?.[0]),
        sortedRows: toNumber(row[3]),
        unsorted: Math.max(0, appended - toNumber(row[3])),
        hasText: row[4] === true,
        watcher: undefined,
      })
    }
    const kept = new Set(chunks.map((chunk) => chunk.table))
    const tables = await sql.rows(
      `SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND regexp_full_match(table_name, 'r[0-9]+')`,
    )
    for (const [name] of tables) {
      this.#nextId = Math.max(this.#nextId, Number(String(name).slice(1)) + 1)
      if (!kept.has(String(name))) await sql.run(`DROP TABLE ${String(name)}`)
    }
    this.#replace(chunks)
  }

  /** Index of the chunk that holds the time, or -1. */
  indexOf(time: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] as Chunk).from <= time) low = middle + 1
      else high = middle
    }
    const chunk = this.#sorted[low - 1]
    return chunk !== undefined && time < chunk.to ? low - 1 : -1
  }

  /** Chunks that overlap [from, to). */
  within(from: number, to: number): Chunk[] {
    return this.#sorted.filter((chunk) => chunk.from < to && chunk.to > from)
  }

  /** Makes a chunk for a time that has none. Runs its own transaction: an empty chunk harms nothing. */
  async create(sql: Sql, time: number): Promise<Chunk> {
    const newest = this.#sorted.at(-1)
    const isOld = newest !== undefined && time < newest.from - oldBehind
    const width = (isOld ? oldMinutes : usualMinutes) * minute
    const aligned = Math.floor(time / width) * width
    const before = this.#sorted.findLast((chunk) => chunk.from <= time)
    const after = this.#sorted.find((chunk) => chunk.from > time)
    const from = Math.max(aligned, before?.to ?? -Infinity, -Number.MAX_SAFE_INTEGER)
    const to = Math.min(aligned + width, after?.from ?? Infinity, Number.MAX_SAFE_INTEGER)
    const chunk = this.plan(from, to, 0, false)
    await sql.transaction(async () => this.insert(sql, chunk))
    this.#replace([...this.#sorted, chunk])
    return chunk
  }

  /** A chunk with a new id, not in the catalogue yet. */
  plan(from: number, to: number, sortedRows: number, hasText: boolean): Chunk {
    const id = this.#nextId++
    return { id, table: `r${id}`, from, to, rows: 0, sortedRows, unsorted: 0, hasText, watcher: undefined }
  }

  /** Creates the table and its catalogue row, inside the open transaction. */
  async insert(sql: Sql, chunk: Chunk): Promise<void> {
    await this.createTable(sql, chunk)
    await this.enter(sql, chunk)
  }

  async createTable(sql: Sql, chunk: Chunk): Promise<void> {
    const text = chunk.hasText ? ', text VARCHAR, extra VARCHAR' : ''
    await sql.run(`CREATE TABLE ${chunk.table} (${rowColumns}${text})`)
  }

  async enter(sql: Sql, chunk: Chunk): Promise<void> {
    await sql.run(
      `INSERT INTO chunks VALUES (${chunk.id}, ${int(chunk.from)}, ${int(chunk.to)}, ${int(chunk.sortedRows)}, ${chunk.hasText})`,
    )
  }

  /** Removes a chunk and its table, inside the open transaction. */
  async drop(sql: Sql, chunk: Chunk): Promise<void> {
    await sql.run(`DELETE FROM chunks WHERE id = ${chunk.id}`)
    await sql.run(`DROP TABLE ${chunk.table}`)
  }

  /** After the commit of a swap: these chunks stand in place of those. */
  swapped(gone: readonly Chunk[], come: readonly Chunk[]): void {
    this.#replace([...this.#sorted.filter((chunk) => !gone.includes(chunk)), ...come])
  }

  /** Gives the chunk's table the columns for texts. Its own transaction: the empty columns harm nothing. */
  async addText(sql: Sql, chunk: Chunk): Promise<void> {
    await sql.transaction(async () => {
      await sql.run(`ALTER TABLE ${chunk.table} ADD COLUMN text VARCHAR`)
      await sql.run(`ALTER TABLE ${chunk.table} ADD COLUMN extra VARCHAR`)
      await sql.run(`UPDATE chunks SET has_text = true WHERE id = ${chunk.id}`)
    })
    chunk.hasText = true
  }

  #replace(chunks: Chunk[]): void {
    this.#sorted = chunks.sort((a, b) => a.from - b.from)
  }
}

/** All columns of a chunk, texts as NULL where the table has none. */
export function selectColumns(chunk: Chunk): string {
  return chunk.hasText ? 'text, extra' : 'NULL::VARCHAR AS text, NULL::VARCHAR AS extra'
}
