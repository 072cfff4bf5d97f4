import { WebSocket } from 'ws'
import { systemClock } from '../lib/clock.ts'
import { reasonOf } from '../lib/reason.ts'
import { wait } from '../lib/wait.ts'
import type { Ledger, LedgerPage } from './ledger.ts'
import { deviceName, devicePrefix, type Plan, placeOf, plannedRecord } from './plan.ts'

/** What a live subscriber has seen of a run. */
export interface LiveVerdict {
  /** Rows that came, those that came again after a reconnection among them. */
  readonly rows: number
  readonly connections: number
  /** Rows that the server said it has left out, because the subscriber was too slow. */
  readonly announced: number
  /** Acknowledged records that came neither live nor are in an announced gap. */
  readonly silentGaps: number
  /** Rows that nobody sent, or with another value. */
  readonly wrong: number
  readonly examples: readonly string[]
}

type Frame =
  | { readonly type: 'hello'; readonly cursor: string }
  | { readonly type: 'subscribed'; readonly cursor: string }
  | {
      readonly type: 'readings'
      readonly cursor: string
      readonly series?: readonly (readonly [number: number, device: string, metric: string])[]
      readonly rows: readonly (readonly [series: number, ms: number, value: number | string])[]
    }
  | { readonly type: 'gap'; readonly rows: number; readonly to: string }
  | { readonly type: 'error'; readonly error?: { readonly message?: string } }

const retryMs = 100
const subscribeMs = 20_000
const maxExamples = 5

/**
 * A subscriber of `/ws` to everything that a plan's devices send, which goes on behind its cursor whenever its connection is lost. What was
 * acknowledged must have come, or have been announced as left out: a screen that shows a hole must know of it.
 */
export class LiveWatch {
  readonly #url: URL
  readonly #plan: Plan
  /** By device and epoch: a byte for each record that came. */
  readonly #seen = new Map<string, Uint8Array>()
  #names = new Map<number, readonly [device: string, metric: string]>()
  #socket: WebSocket | undefined
  #cursor: string | undefined
  #isClosed = false
  readonly #subscribed = Promise.withResolvers<void>()
  readonly #closing = new AbortController()
  #rows = 0
  #announced = 0
  #connections = 0
  #wrong = 0
  readonly #examples: string[] = []

  /** @param url of the server, `http://host:port`. */
  constructor(url: string, plan: Plan) {
    this.#url = new URL('/ws', url)
    this.#url.protocol = this.#url.protocol === 'https:' ? 'wss:' : 'ws:'
    this.#plan = plan
  }

  /** Resolves when it is subscribed: everything that is sent from now on must come. @throws Error if that takes too long. */
  async start(): Promise<void> {
    const timer = setTimeout(
      () =>
        this.#subscribed.reject(new Error(`no subscription at ${this.#url.href} within ${subscribeMs} ms`)),
      subscribeMs,
    )
    this.#connect()
    try {
      await this.#subscribed.promise
    } finally {
      clearTimeout(timer)
    }
  }

  /** Waits until everything acknowledged has come or was announced, as long as more comes in within `quietMs`. */
  async settle(ledger: Ledger, quietMs: number, signal: AbortSignal): Promise<void> {
    let before = -1
    let quietFrom = systemClock.monotonicMs()
    while (!signal.aborted && this.#missing(ledger, undefined) > this.#announced) {
      if (this.#rows + this.#announced !== before) quietFrom = systemClock.monotonicMs()
      before = this.#rows + this.#announced
      if (systemClock.monotonicMs() - quietFrom > quietMs) return
      await wait(retryMs, signal)
    }
  }

  verdict(ledger: Ledger): LiveVerdict {
    const examples = [...this.#examples]
    const missing = this.#missing(ledger, (page, sequence) => {
      if (examples.length < maxExamples)
        examples.push(`never came live: ${deviceName(this.#plan, page.device)} record ${sequence}`)
    })
    const silentGaps = Math.max(0, missing - this.#announced)
    return {
      rows: this.#rows,
      connections: this.#connections,
      announced: this.#announced,
      silentGaps,
      wrong: this.#wrong,
      examples: silentGaps > 0 || this.#wrong > 0 ? examples : [],
    }
  }

  close(): void {
    this.#isClosed = true
    this.#closing.abort()
    this.#socket?.terminate()
    this.#subscribed.reject(new Error('the live watch was closed'))
    this.#subscribed.promise.catch(() => {})
  }

  #connect(): void {
    const socket = new WebSocket(this.#url, { maxPayload: 2 ** 30 })
    this.#socket = socket
    // Numbers of series hold for their connection.
    this.#names = new Map()
    socket.on('open', () => this.#connections++)
    socket.on('message', (data: Buffer) => this.#take(JSON.parse(data.toString('utf8')) as Frame)) // as: docs/protocols.md
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => {
      if (this.#isClosed) return
      wait(retryMs, this.#closing.signal).then(
        () => {
          if (!this.#isClosed) this.#connect()
        },
        (error: unknown) => this.#wrongly(reasonOf(error)),
      )
    })
  }

  #take(frame: Frame): void {
    if (frame.type === 'hello') {
      this.#cursor ??= frame.cursor
      const devices = `${devicePrefix(this.#plan)}*`
      this.#socket?.send(JSON.stringify({ type: 'subscribe', id: 'prove', devices, from: this.#cursor }))
    } else if (frame.type === 'subscribed') {
      this.#cursor = frame.cursor
      this.#subscribed.resolve()
    } else if (frame.type === 'gap') {
      this.#announced += frame.rows
      this.#cursor = frame.to
    } else if (frame.type === 'readings') {
      for (const [number, device, metric] of frame.series ?? []) this.#names.set(number, [device, metric])
      for (const [series, ms, value] of frame.rows) this.#see(series, ms, value)
      this.#cursor = frame.cursor
    } else this.#wrongly(`the live door says: ${frame.error?.message ?? JSON.stringify(frame)}`)
  }

  #see(series: number, ms: number, value: number | string): void {
    this.#rows++
    const [device, metric] = this.#names.get(series) ?? ['', '']
    const number = typeof value === 'number' ? value : Number.NaN
    const place = placeOf(this.#plan, device, metric, ms * 1000, number)
    if (place === undefined || plannedRecord(this.#plan, place).value !== number) {
      this.#wrongly(`came live, and was never sent: ${device} ${metric} at ${ms} = ${value}`)
      return
    }
    const { sequence } = place
    const key = keyOf(place)
    let seen = this.#seen.get(key) ?? new Uint8Array(1024)
    if (sequence >= seen.length) {
      const larger = new Uint8Array(Math.max(seen.length * 2, sequence + 1))
      larger.set(seen)
      seen = larger
    }
    seen[sequence] = 1
    this.#seen.set(key, seen)
  }

  #missing(ledger: Ledger, tell: ((page: LedgerPage, sequence: number) => void) | undefined): number {
    let missing = 0
    for (const page of ledger.pages()) {
      const seen = this.#seen.get(keyOf(page))
      for (let sequence = 0; sequence < page.length; sequence++) {
        if (page.state(sequence) !== 'acked' || seen?.[sequence] === 1) continue
        missing++
        tell?.(page, sequence)
      }
    }
    return missing
  }

  #wrongly(what: string): void {
    if (++this.#wrong <= maxExamples) this.#examples.push(what)
  }
}

function keyOf({ device, epoch }: { readonly device: number; readonly epoch: number }): string {
  return `${device} ${epoch}`
}
