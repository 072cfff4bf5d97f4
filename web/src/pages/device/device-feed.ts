import type { LiveConnection } from '../../live/connection.ts'
import { isWithin } from '../../live/cursor.ts'
import type { LiveRow } from '../../live/subscription.ts'

interface Batch {
  readonly rows: readonly LiveRow[]
  readonly cursor: string
}

/** Rows kept for history that is still being read; older ones are in the store by then. */
const maxKept = 20_000

export interface FeedListener {
  rows(rows: readonly LiveRow[]): void
  /** Live rows were left out or lost: read history again. */
  incomplete(): void
}

/**
 * The live rows of one device, for all its charts. It starts where the store stood when the page opened and remembers what came
 * lately: history that is read later ends at a later place, so the two always overlap and nothing is missing between them.
 *
 *   store, as of the page ──────────┐
 *                       live rows:  ├──────────────────────────►
 *   history of a chart ─────────────┼─────────┐ join: rows behind `wholeTo`
 */
export class DeviceFeed {
  readonly #listeners = new Set<FeedListener>()
  readonly #end: () => void
  #kept: Batch[] = []
  #keptRows = 0
  #skipped = 0

  constructor(connection: LiveConnection, device: string, from: string | undefined) {
    this.#end = connection.subscribe(
      { devices: [device], metrics: '*', from },
      {
        rows: (rows, cursor) => this.#take({ rows, cursor }),
        skipped: (rows) => {
          this.#skipped += rows
          this.#tellIncomplete()
        },
        broken: () => this.#tellIncomplete(),
      },
    )
  }

  /** Live rows that the server left out since the page opened; all of them are stored. */
  get skipped(): number {
    return this.#skipped
  }

  /** Hears rows from now on. What came behind `wholeTo` before is given at once. */
  join(wholeTo: string | undefined, listener: FeedListener): () => void {
    const missed = this.#kept.filter(({ cursor }) => !isWithin(cursor, wholeTo)).flatMap(({ rows }) => rows)
    if (missed.length > 0) listener.rows(missed)
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  close(): void {
    this.#end()
    this.#listeners.clear()
  }

  #take(batch: Batch): void {
    this.#kept.push(batch)
    this.#keptRows += batch.rows.length
    while (this.#keptRows > maxKept && this.#kept.length > 1)
      this.#keptRows -= this.#kept.shift()?.rows.length ?? 0
    for (const listener of [...this.#listeners]) listener.rows(batch.rows)
  }

  #tellIncomplete(): void {
    for (const listener of [...this.#listeners]) listener.incomplete()
  }
}
