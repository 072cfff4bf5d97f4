import type { Chunks } from './chunks.ts'
import type { Positions } from './positions.ts'
import type { SeriesTable } from './series-table.ts'
import { newestColumns, newestOf } from './newest.ts'
import { exact, int, type Sql, toBigint, toNumber, toText } from './sql.ts'

/** What an edit or a delete leaves of a series: its newest row, if any, and its first time. */
export interface SeriesRest {
  readonly first: number
  readonly latest: LatestState | undefined
}

export interface LatestState {
  readonly time: number
  readonly value: number
  readonly text: string | undefined
  readonly quality: number
  readonly origin: number
  readonly seq: bigint
}

/** Rows stored between two snapshots, at least: reading that many again at start takes about a second. */
const snapshotRows = 10_000_000

/**
 * Keeps `series_state` close behind memory. A snapshot holds what is known of every series as of the numbers in `state_next`;
 * at start it is loaded, and only rows with those numbers or higher are read again.
 */
export class StateSnapshots {
  readonly #series: SeriesTable
  readonly #positions: Positions
  readonly #stream: string
  #sinceRows = 0

  /** `stream` is the one that readings come in. */
  constructor(series: SeriesTable, positions: Positions, stream: string) {
    this.#series = series
    this.#positions = positions
    this.#stream = stream
  }

  stored(rows: number): void {
    this.#sinceRows += rows
  }

  get isDue(): boolean {
    return this.#sinceRows >= Math.max(snapshotRows, this.#series.size * 100)
  }

  get isEmpty(): boolean {
    return this.#sinceRows === 0
  }

  /**
   * Writes every series that changed since the last snapshot, inside the open transaction; `saved` after its commit.
   * `changed` says what series will be once the transaction is committed; it wins over memory.
   */
  async save(sql: Sql, changed: ReadonlyMap<number, SeriesRest> = new Map()): Promise<void> {
    const { dirty, size } = this.#series
    const ids = [...changed.keys()]
    for (let own = 0; own < size; own++) if (dirty[own] === 1 && !changed.has(own)) ids.push(own)
    await this.#removeOld(sql, ids)
    const appender = await sql.connection.createAppender('series_state')
    for (const own of ids) {
      const { first, latest } = changed.get(own) ?? this.#rest(own)
      appender.appendUInteger(own)
      appender.appendUTinyInt(this.#series.kinds[own] as number)
      appendTime(appender, first)
      appendTime(appender, this.#series.high[own] as number)
      if (latest === undefined) for (let i = 0; i < 6; i++) appender.appendNull()
      else {
        appendTime(appender, latest.time)
        if (latest.text === undefined) appender.appendDouble(latest.value)
        else appender.appendNull()
        if (latest.text === undefined) appender.appendNull()
        else appender.appendVarchar(latest.text)
        appender.appendUTinyInt(latest.quality)
        appender.appendUInteger(latest.origin)
        appender.appendBigInt(latest.seq)
      }
      appender.endRow()
    }
    appender.closeSync()
    await sql.run('DELETE FROM state_next')
    // A log that only copies bring has none: its rows are read again, for its live lane may begin at any number.
    for (const [origin, next] of this.#positions.liveNext(this.#stream)) {
      await sql.run(`INSERT INTO state_next VALUES (${int(origin)}, ${int(next)})`)
    }
  }

  saved(): void {
    this.#series.dirty.fill(0)
    this.#sinceRows = 0
  }

  /** Rows with a lower number than the snapshot's are on their way in: start must read from there. Inside the open transaction. */
  async rewind(sql: Sql, origin: number, seq: bigint): Promise<void> {
    await sql.run(`UPDATE state_next SET next = least(next, ${int(seq)}) WHERE origin = ${int(origin)}`)
  }

  /** Loads the snapshot and reads the rows that came after it. */
  async load(sql: Sql, chunks: Chunks): Promise<void> {
    const series = this.#series
    for (const row of await sql.rows(
      `SELECT * REPLACE (${exact('latest_text')} AS latest_text) FROM series_state`,
    )) {
      const own = toNumber(row[0])
      series.kinds[own] = toNumber(row[1])
      if (row[2] != null) series.first[own] = toNumber(row[2])
      if (row[3] != null) series.high[own] = toNumber(row[3])
      if (row[4] == null) continue
      const text = row[6] == null ? undefined : toText(row[6])
      const value = row[5] == null ? Number.NaN : toNumber(row[5])
      series.noteLatest(
        own,
        toNumber(row[4]),
        value,
        text,
        toNumber(row[7]),
        toNumber(row[8]),
        toBigint(row[9]),
      )
    }
    const next = new Map<number, bigint>()
    for (const row of await sql.rows('SELECT origin, next FROM state_next')) {
      next.set(toNumber(row[0]), toBigint(row[1]))
    }
    for (const chunk of chunks.all) {
      for (const origin of this.#positions.origins()) {
        const where = `origin = ${int(origin)} AND seq >= ${int(next.get(origin) ?? -(2n ** 62n))}`
        const rows = await sql.rows(
          `SELECT ${newestColumns(chunk)} FROM ${chunk.table} WHERE ${where} GROUP BY series`,
        )
        for (const row of rows) {
          const { own, first, kinds, latest } = newestOf(row)
          series.first[own] = Math.min(series.first[own] as number, first)
          series.high[own] = Math.max(series.high[own] as number, latest.time)
          series.kinds[own] = (series.kinds[own] as number) | kinds
          series.dirty[own] = 1
          series.noteLatest(
            own,
            latest.time,
            latest.value,
            latest.text,
            latest.quality,
            latest.origin,
            latest.seq,
          )
        }
        this.#sinceRows += rows.length
      }
    }
  }

  #rest(own: number): SeriesRest {
    const series = this.#series
    const time = series.latestTime[own] as number
    const latest: LatestState | undefined =
      time === -Infinity
        ? undefined
        : {
            time,
            value: series.latestValue[own] as number,
            text: series.latestText.get(own),
            quality: series.latestQuality[own] as number,
            origin: series.latestOrigin[own] as number,
            seq: series.latestSeq[own] as bigint,
          }
    return { first: series.first[own] as number, latest }
  }

  async #removeOld(sql: Sql, ids: readonly number[]): Promise<void> {
    await sql.run('CREATE OR REPLACE TEMP TABLE state_ids (id UINTEGER)')
    const appender = await sql.connection.createAppender('state_ids', 'main', 'temp')
    for (const id of ids) {
      appender.appendUInteger(id)
      appender.endRow()
    }
    appender.closeSync()
    await sql.run('DELETE FROM series_state WHERE id IN (SELECT id FROM temp.state_ids)')
  }
}

function appendTime(appender: { appendBigInt(value: bigint): void; appendNull(): void }, time: number): void {
  if (Number.isFinite(time)) appender.appendBigInt(BigInt(time))
  else appender.appendNull()
}
