import { namePattern } from '../../core/pattern.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Chunk, Chunks } from './chunks.ts'
import type { DocumentTables } from './documents.ts'
import type { Removals } from './removals.ts'
import type { SeriesTable } from './series-table.ts'
import type { StateSnapshots } from './snapshots.ts'
import { int, type Sql, timeBound } from './sql.ts'

/** How long rows are kept; the first rule whose pattern fits decides. What no rule names is kept for ever. */
export interface RetentionRules {
  readonly readings: readonly { readonly devices: string; readonly keepDays: number }[]
  readonly documents: readonly { readonly streams: string; readonly keepDays: number }[]
}

export interface RetentionParts {
  readonly sql: Sql
  readonly series: SeriesTable
  readonly chunks: Chunks
  readonly documents: DocumentTables
  readonly snapshots: StateSnapshots
  readonly removals: Removals
}

const day = 86_400_000_000
const hour = day / 24

/** Removes what is older than its rule says: whole chunks where everything in them is, else the rows. */
export class Retention {
  readonly #rules: RetentionRules
  readonly #clock: Clock
  readonly #startWall: number
  readonly #startMs: number
  readonly #matchers: readonly { readonly fits: (name: string) => boolean; readonly keep: number }[]
  /** Rules of the series looked up so far, by own id: µs to keep, Infinity for ever. */
  #keeps: number[] = []

  constructor(rules: RetentionRules, clock: Clock) {
    this.#rules = rules
    this.#clock = clock
    this.#startWall = clock.now()
    this.#startMs = clock.monotonicMs()
    this.#matchers = rules.readings.map(({ devices, keepDays }) => ({
      fits: namePattern(devices),
      keep: keepDays * day,
    }))
  }

  get hasRules(): boolean {
    return this.#rules.readings.length + this.#rules.documents.length > 0
  }

  /**
   * The time that ages are counted from: the wall clock, but never ahead of the newest stored row, nor of what the monotonic clock
   * says has passed since the start (and an hour for corrections), so that a clock that jumps ahead deletes nothing.
   */
  now(newest: number): number {
    const passed = this.#startWall + (this.#clock.monotonicMs() - this.#startMs) * 1000 + hour
    return Math.min(this.#clock.now(), newest, passed)
  }

  /** One round, as one job of the writer queue. Returns how many rows it removed. */
  async run(parts: RetentionParts): Promise<number> {
    const { sql, series, chunks, documents } = parts
    let newest = documents.newestTime
    for (let own = 0; own < series.size; own++) newest = Math.max(newest, series.high[own] as number)
    const now = this.now(newest)
    const groups = this.#groups(series)
    let removed = 0
    if (groups.size > 0) {
      const longest = Math.max(...groups.keys())
      const expired = chunks.all.filter((chunk) => chunk.to <= now - longest && chunk.watcher === undefined)
      if (expired.length > 0) removed += await dropChunks(parts, expired)
      for (const [keep, ids] of groups) {
        if (keep === Infinity) continue
        // Whole steps, so that rows leave in runs and not one by one.
        const step = Math.min(hour, keep / 24)
        const before = Math.floor((now - keep) / step) * step
        const isAll = ids.length === series.size
        for (const chunk of chunks.all) {
          if (chunk.from < before && chunk.rows > 0)
            removed += await deleteRows(parts, chunk, isAll ? undefined : ids, before)
        }
        forgetExpired(series, ids, before)
      }
      await sql.transaction(() => parts.snapshots.save(sql))
      parts.snapshots.saved()
    }
    for (const table of documents.all) {
      const rule = this.#rules.documents.find(({ streams }) => namePattern(streams)(table.stream))
      if (rule === undefined) continue
      const count = await sql.run(
        `DELETE FROM ${table.table} WHERE time < ${timeBound(now - rule.keepDays * day)}`,
      )
      table.rows -= count
      removed += count
    }
    return removed
  }

  /** Series by how long they are kept. */
  #groups(series: SeriesTable): Map<number, number[]> {
    for (let own = this.#keeps.length; own < series.size; own++) {
      const device = series.devices[own] ?? ''
      this.#keeps.push(this.#matchers.find(({ fits }) => fits(device))?.keep ?? Infinity)
    }
    const groups = new Map<number, number[]>()
    this.#keeps.forEach((keep, own) => {
      const group = groups.get(keep)
      if (group === undefined) groups.set(keep, [own])
      else group.push(own)
    })
    return groups
  }
}

/** The state of the series goes in with the drop: without these rows it could not be found again. */
async function dropChunks(
  { sql, chunks, snapshots }: RetentionParts,
  expired: readonly Chunk[],
): Promise<number> {
  await sql.transaction(async () => {
    await snapshots.save(sql)
    for (const chunk of expired) await chunks.drop(sql, chunk)
  })
  snapshots.saved()
  chunks.swapped(expired, [])
  return expired.reduce((sum, chunk) => sum + chunk.rows, 0)
}

async function deleteRows(
  { sql, snapshots, removals }: RetentionParts,
  chunk: Chunk,
  ids: readonly number[] | undefined,
  before: number,
): Promise<number> {
  await sql.run('CREATE OR REPLACE TEMP TABLE expiring (id UINTEGER)')
  if (ids !== undefined) {
    const appender = await sql.connection.createAppender('expiring', 'main', 'temp')
    for (const id of ids) {
      appender.appendUInteger(id)
      appender.endRow()
    }
    appender.closeSync()
  }
  const where = `time < ${int(before)}${ids === undefined ? '' : ' AND series IN (SELECT id FROM temp.expiring)'}`
  const [any] = await sql.rows(`SELECT 1 FROM ${chunk.table} WHERE ${where} LIMIT 1`)
  if (any === undefined) return 0
  // Without these rows the state of the series could not be found again.
  await sql.transaction(() => snapshots.save(sql))
  snapshots.saved()
  chunk.watcher?.touchedRange(ids, -Infinity, before)
  return removals.remove(sql, chunk, where)
}

/** Series whose newest row is gone have none; the others begin at the bound or later. */
function forgetExpired(series: SeriesTable, ids: readonly number[], before: number): void {
  for (const own of ids) {
    if ((series.latestTime[own] as number) < before) {
      if ((series.latestTime[own] as number) === -Infinity) continue
      series.clearLatest(own)
    } else if ((series.first[own] as number) < before) series.first[own] = before
    else continue
    series.dirty[own] = 1
  }
}
