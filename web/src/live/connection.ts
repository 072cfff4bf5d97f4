import { now } from '../clock.ts'
import { readFrame, type ServerFrame } from './frames.ts'
import { type LiveListener, type LiveRequest, Subscription } from './subscription.ts'

export type LinkState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** The connection was lost; tried again at `retryAt` (ms since 1970). */
  | { readonly kind: 'waiting'; readonly retryAt: number }
  | { readonly kind: 'closed' }

export interface ConnectionOptions {
  readonly url: string
  /** Delay before try n (from 0), in ms. */
  readonly retryMs: (attempt: number) => number
  /** A silent socket is asked after this long, and given up after twice that. */
  readonly silenceMs: number
}

/** Half a second, then twice as long each time up to 15 s; spread, so that a restarted server is not met by all at once. */
export function retryDelayMs(attempt: number, random = Math.random()): number {
  return Math.min(15_000, 500 * 2 ** Math.min(attempt, 5)) * (0.75 + random / 2)
}

/**
 * The app's one live connection. It reconnects by itself for ever; each subscription goes on at its own cursor, so nothing is
 * missed or shown twice. Frames that cannot be read close the socket: after a reload of the server the forms may differ.
 *
 *   connecting ──open──► live ──lost──► waiting ──timer, or `retry()`──► connecting
 */
export class LiveConnection {
  readonly #options: ConnectionOptions
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #watchers = new Set<() => void>()
  #state: LinkState = { kind: 'closed' }
  #socket: WebSocket | undefined
  #names = new Map<number, { device: string; metric: string; unit: string }>()
  #attempt = 0
  #lastId = 0
  #heardAt = 0
  #lostAt = -Infinity
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  get state(): LinkState {
    return this.#state
  }

  /** Until when silence means that there was nothing, in ms since 1970: while the connection is away, who knows. */
  get knownUntil(): number {
    return this.#state.kind === 'live' ? Infinity : this.#lostAt
  }

  /** Calls back at every change of `state`, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  open(): void {
    if (this.#state.kind === 'closed') this.#connect()
  }

  /** Tries now instead of at `retryAt`. */
  retry(): void {
    if (this.#state.kind === 'waiting') this.#connect()
  }

  close(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
    this.#become({ kind: 'closed' })
  }

  /** Follows devices and metrics (`*` stands for any characters) until the returned function is called. */
  subscribe(request: LiveRequest, listener: LiveListener): () => void {
    const subscription = new Subscription(`s${++this.#lastId}`, request, listener)
    this.#subscriptions.set(subscription.id, subscription)
    this.#send(subscription.request())
    return () => {
      this.#subscriptions.delete(subscription.id)
      this.#send({ type: 'unsubscribe', id: subscription.id })
    }
  }

  #connect(): void {
    clearTimeout(this.#timer)
    this.#become({ kind: 'connecting' })
    const socket = new WebSocket(this.#options.url)
    this.#socket = socket
    this.#names = new Map()
    socket.addEventListener('open', () => {
      if (this.#socket !== socket) return
      this.#heardAt = now()
      this.#listenForSilence(socket)
      for (const subscription of this.#subscriptions.values()) this.#send(subscription.request())
    })
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (this.#socket !== socket) return
      this.#heardAt = now()
      if (typeof event.data !== 'string') return
      try {
        this.#take(readFrame(event.data))
      } catch (error) {
        console.error(error)
        socket.close()
      }
    })
    socket.addEventListener('close', () => this.#lost(socket))
  }

  #take(frame: ServerFrame): void {
    if (frame.type === 'hello') {
      this.#attempt = 0
      this.#become({ kind: 'live' })
    }
    if (frame.type === 'error') console.warn(`live: ${frame.code}: ${frame.message}`)
    if (!('id' in frame) || frame.id === undefined) return
    const subscription = this.#subscriptions.get(frame.id)
    if (subscription?.take(frame, this.#names) === 'again') this.#send(subscription.request())
  }

  #lost(socket: WebSocket): void {
    if (this.#socket !== socket) return
    clearTimeout(this.#timer)
    this.#socket = undefined
    if (this.#state.kind === 'live') this.#lostAt = this.#heardAt
    const delayMs = this.#options.retryMs(this.#attempt++)
    this.#become({ kind: 'waiting', retryAt: now() + delayMs })
    this.#timer = setTimeout(() => this.#connect(), delayMs)
  }

  /** A path that died without a word shows only by its silence. */
  #listenForSilence(socket: WebSocket): void {
    const { silenceMs } = this.#options
    this.#timer = setTimeout(() => {
      const silentMs = now() - this.#heardAt
      if (silentMs >= silenceMs * 2) {
        socket.close()
        this.#lost(socket)
        return
      }
      if (silentMs >= silenceMs) this.#send({ type: 'ping' })
      this.#listenForSilence(socket)
    }, silenceMs)
  }

  #send(frame: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame))
  }

  #become(state: LinkState): void {
    this.#state = state
    for (const watcher of [...this.#watchers]) watcher()
  }
}
