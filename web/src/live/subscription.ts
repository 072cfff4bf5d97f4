import type { ServerFrame } from './frames.ts'

export interface LiveRow {
  readonly device: string
  readonly metric: string
  readonly unit: string
  /** ms since 1970. */
  readonly time: number
  readonly value: number | string
  readonly quality: number
}

export interface LiveRequest {
  readonly devices: string | readonly string[]
  readonly metrics: string | readonly string[]
  /** Rows after this cursor are replayed first; undefined starts now. */
  readonly from: string | undefined
}

export interface LiveListener {
  /** Rows in order, and the cursor behind them. */
  rows(rows: readonly LiveRow[], cursor: string): void
  /** The server left out this many rows: the connection was too slow for them, and the newest of each series follows; or, at most, they were too old. */
  skipped(rows: number): void
  /** The server cannot go on where this connection ended: what was shown has a hole until history is read again. */
  broken(): void
}

type Names = Map<number, { readonly device: string; readonly metric: string; readonly unit: string }>

/**
 * One subscription over the life of the page, whatever happens to its sockets. It knows how far it has come, so that the
 * next socket goes on there: `request` gives what to send when a socket opens.
 */
export class Subscription {
  readonly id: string
  readonly #request: LiveRequest
  readonly #listener: LiveListener
  #cursor: string | undefined
  /** Numbers of series hold for one socket. */
  #names: Names = new Map()

  constructor(id: string, request: LiveRequest, listener: LiveListener) {
    this.id = id
    this.#request = request
    this.#listener = listener
    this.#cursor = request.from
  }

  /** How far the rows that the listener has been given reach. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** The frame that starts it on a new socket. */
  request(): object {
    this.#names = new Map()
    const { devices, metrics } = this.#request
    const from = this.#cursor
    return { type: 'subscribe', id: this.id, devices, metrics, ...(from === undefined ? {} : { from }) }
  }

  /** Takes a frame of this subscription. `shared` has the names that other subscriptions of the socket were told. */
  take(frame: ServerFrame, shared: Names): 'again' | undefined {
    switch (frame.type) {
      case 'subscribed':
        // With `from`, rows up to the answer's cursor are still to come.
        this.#cursor ??= frame.cursor
        return undefined
      case 'readings': {
        for (const [n, device, metric, unit] of frame.series) {
          const name = { device, metric, unit }
          this.#names.set(n, name)
          shared.set(n, name)
        }
        const rows: LiveRow[] = []
        for (const [n, time, value, quality] of frame.rows) {
          const name = this.#names.get(n) ?? shared.get(n)
          if (name !== undefined) rows.push({ ...name, time, value, quality })
        }
        this.#cursor = frame.cursor
        this.#listener.rows(rows, frame.cursor)
        return undefined
      }
      case 'gap':
        if (frame.to !== undefined) this.#cursor = frame.to
        this.#listener.skipped(frame.rows)
        return undefined
      case 'error':
        // A cursor that the server cannot go on from: it is of another log.
        if (this.#cursor === undefined) return undefined
        this.#cursor = undefined
        this.#listener.broken()
        return 'again'
      case 'hello':
      case 'pong':
        return undefined
    }
  }
}
