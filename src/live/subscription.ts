import type { SeriesId, SeriesNames } from '../core/series.ts'
import type { LiveClient } from './live-client.ts'
import type { SubscriptionId } from './requests.ts'
import { encodeRows, type LiveRow, WaitingRows } from './rows.ts'

/** Rows as they go to all members of a group: encoded once. */
export interface SharedRows {
  readonly rows: readonly LiveRow[]
  readonly json: string
  /** Rows that the group itself left out, because nobody could take so many. */
  readonly skipped: number
  /** Everything behind this cursor has been sent or left out. */
  readonly cursor: string
  readonly names: SeriesNames
}

/**
 * One subscription of one client. While the client takes frames it gets every row; while it does not, the newest value of each
 * series waits for it, and when it is back it is told how much it has missed. That costs nobody else anything.
 */
export class Subscription {
  readonly id: SubscriptionId
  /** Where this client stands. */
  cursor: string
  /** Aborted once, by `close`: whatever was set up for this subscription ends there. */
  readonly closed: AbortSignal
  readonly #life = new AbortController()
  readonly #client: LiveClient
  readonly #waiting = new WaitingRows(0)
  /** The unit that each series was introduced with. */
  readonly #named = new Map<SeriesId, string>()
  #namedFrom: { readonly names: SeriesNames; readonly version: number } | undefined
  #isBusy = false
  #names: SeriesNames | undefined

  constructor(id: SubscriptionId, client: LiveClient, cursor: string) {
    this.id = id
    this.#client = client
    this.closed = this.#life.signal
    this.cursor = cursor
  }

  /** Does nothing once it is closed. */
  deliver(shared: SharedRows): void {
    if (this.closed.aborted) return
    this.#names = shared.names
    if (this.#isBusy) {
      this.#waiting.skipped += shared.skipped
      for (const row of shared.rows) this.#waiting.add(row)
      this.#waitingCursor = shared.cursor
      return
    }
    this.#send(shared.rows, shared.json, shared.skipped, shared.cursor, shared.names)
  }

  close(): void {
    this.#life.abort()
  }

  #waitingCursor = ''

  #send(rows: readonly LiveRow[], json: string, skipped: number, cursor: string, names: SeriesNames): void {
    const id = JSON.stringify(this.id)
    let isReady = true
    if (skipped > 0) {
      const gap = { type: 'gap', id: this.id, rows: skipped, from: this.cursor, to: cursor }
      isReady = this.#client.send(JSON.stringify(gap))
    }
    if (rows.length > 0) {
      const series = this.#introduce(rows, names)
      const frame = `{"type":"readings","id":${id},"cursor":"${cursor}"${series},"rows":${json}}`
      isReady = this.#client.send(frame)
    }
    this.cursor = cursor
    if (!isReady) this.#wait().catch(() => undefined) // waiting never fails, and a broken socket closes itself
  }

  async #wait(): Promise<void> {
    this.#isBusy = true
    await this.#client.ready()
    this.#isBusy = false
    if (this.closed.aborted || this.#waiting.isEmpty || !this.#names) return
    const { rows, skipped } = this.#waiting.take()
    this.#send(rows, encodeRows(rows), skipped, this.#waitingCursor, this.#names)
  }

  /** Names of series that this subscription has not been told yet, or not with their unit, as a member of the frame. */
  #introduce(rows: readonly LiveRow[], names: SeriesNames): string {
    const fresh: (readonly [SeriesId, string, string, string])[] = []
    if (this.#namedFrom?.names !== names || this.#namedFrom.version !== names.version)
      this.#forgetChanged(names)
    for (const { series } of rows) {
      if (this.#named.has(series)) continue
      const name = names.get(series)
      this.#named.set(series, name?.unit ?? '')
      fresh.push([series, name?.device ?? '', name?.metric ?? '', name?.unit ?? ''])
    }
    return fresh.length === 0 ? '' : `,"series":${JSON.stringify(fresh)}`
  }

  /** A unit has become known since. */
  #forgetChanged(names: SeriesNames): void {
    this.#namedFrom = { names, version: names.version }
    for (const [series, unit] of this.#named) {
      if (names.get(series)?.unit !== unit) this.#named.delete(series)
    }
  }
}
