import { isText, type Readings } from '../core/batch.ts'
import type { SeriesId } from '../core/series.ts'
import { textAt } from '../core/text-column.ts'

/** One reading on its way to a screen. */
export interface LiveRow {
  readonly series: SeriesId
  readonly timeMs: number
  readonly value: number | string
  readonly quality: number
}

export function rowAt(batch: Readings, i: number): LiveRow {
  const isTextRow = ((batch.flags[i] ?? 0) & isText) !== 0
  return {
    series: batch.series[i] ?? 0,
    timeMs: (batch.time[i] ?? 0) / 1000,
    value: isTextRow && batch.text ? textAt(batch.text, i) : (batch.value[i] ?? 0),
    quality: batch.quality[i] ?? 0,
  }
}

/**
 * Rows that wait to be sent: all of them while they are few, and beyond `maxRows` only the newest of each series, with a count
 * of those that gave way.
 */
export class WaitingRows {
  skipped = 0
  readonly #maxRows: number
  #rows: LiveRow[] = []
  #newest: Map<SeriesId, LiveRow> | undefined

  constructor(maxRows: number) {
    this.#maxRows = maxRows
  }

  get isEmpty(): boolean {
    return this.#rows.length === 0 && this.#newest === undefined && this.skipped === 0
  }

  add(row: LiveRow): void {
    if (this.#newest === undefined && this.#rows.length < this.#maxRows) {
      this.#rows.push(row)
      return
    }
    this.conflate()
    if (this.#newest?.has(row.series)) this.skipped++
    this.#newest?.set(row.series, row)
  }

  /** From here on, and for what waits already, the newest value of each series wins. */
  conflate(): void {
    if (this.#newest) return
    this.#newest = new Map()
    const rows = this.#rows
    this.#rows = []
    for (const row of rows) {
      if (this.#newest.has(row.series)) this.skipped++
      this.#newest.set(row.series, row)
    }
  }

  /** Everything that waits, and nothing waits any more. */
  take(): { rows: readonly LiveRow[]; skipped: number } {
    const taken = { rows: this.#newest ? [...this.#newest.values()] : this.#rows, skipped: this.skipped }
    this.#rows = []
    this.#newest = undefined
    this.skipped = 0
    return taken
  }
}

/** The member `rows` of a frame; encoded once and sent to everyone who wants the same. */
export function encodeRows(rows: readonly LiveRow[]): string {
  const parts = rows.map(({ series, timeMs, value, quality }) => {
    return `[${series},${timeMs},${typeof value === 'number' ? value : JSON.stringify(value)},${quality}]`
  })
  return `[${parts.join(',')}]`
}
