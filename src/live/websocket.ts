import type { Readable } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { Clock } from '../lib/clock.ts'
import { TokenBucket } from '../lib/token-bucket.ts'
import type { LiveHub } from './hub.ts'
import type { LiveClient } from './live-client.ts'

/** Bytes that may wait in a socket before its client counts as busy. */
const busyBytes = 256 * 1024
/** A client that takes nothing for so long is cut off. */
const stallMs = 30_000
const pingEveryMs = 20_000
/** What a client that is cut off has to read why. */
const farewellMs = 1_000

/** What one connection may send; who sends more is cut off, for every frame takes time from all others. */
export interface SocketBudget {
  /** Frames a second, pings and pongs among them. */
  readonly framesPerSecond: number
  /** Bytes a second, as they come: what frames are made of, and pieces of frames. */
  readonly bytesPerSecond: number
}

/** Why connections were ended from here, since the process started. */
export interface SocketEnds {
  /** Sent more than the budget. */
  flood: number
  /** Sent a frame above the bound. */
  tooLarge: number
  /** Sent what is no frame of WebSocket. */
  malformed: number
  /** Sent a binary frame. */
  notText: number
  /** Took nothing for too long, or answered no ping. */
  stalled: number
}

/** Faults that `ws` finds, where they are more than a malformed frame. */
const faults: Readonly<Record<string, keyof SocketEnds>> = {
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 'flood',
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 'tooLarge',
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 'tooLarge',
}

/** The live door: lets WebSockets take part in the hub until they close. */
export class WebSocketDoor {
  readonly #ends: SocketEnds = { flood: 0, tooLarge: 0, malformed: 0, notText: 0, stalled: 0 }
  readonly #hub: LiveHub
  readonly #budget: SocketBudget
  readonly #clock: Clock

  constructor(hub: LiveHub, budget: SocketBudget, clock: Clock) {
    this.#hub = hub
    this.#budget = budget
    this.#clock = clock
  }

  get status(): { clients: number; subscriptions: number; ended: Record<keyof SocketEnds, number> } {
    const { clients, subscriptions } = this.#hub.status
    return { clients, subscriptions, ended: { ...this.#ends } }
  }

  /** `stream` is the connection below the socket. */
  serve(socket: WebSocket, stream: Readable): void {
    const { framesPerSecond, bytesPerSecond } = this.#budget
    const frames = new TokenBucket(this.#clock, framesPerSecond)
    const bytes = new TokenBucket(this.#clock, bytesPerSecond)
    const client = new WebSocketClient(socket, this.#ends)
    const { receive, left } = this.#hub.join(client)
    /** True if a frame may be looked at. After the end of a connection none may. */
    const mayPass = (): boolean => {
      if (client.isClosed) return false
      if (frames.take(1)) return true
      client.end('flood', `more than ${framesPerSecond} frames a second`)
      return false
    }
    // Pieces of frames, which `ws` tells of only when they are whole, cost time too.
    stream.on('data', (part: Buffer) => {
      if (!client.isClosed && !bytes.take(part.length))
        client.end('flood', `more than ${bytesPerSecond} bytes a second`)
    })
    socket.on('message', (data, isBinary) => {
      if (!mayPass()) return
      if (isBinary) client.end('notText', 'text frames only')
      else receive(textOf(data))
    })
    socket.on('ping', (data) => {
      if (mayPass()) client.answerPing(data)
    })
    socket.on('pong', () => {
      if (mayPass()) client.answered()
    })
    socket.on('close', () => {
      client.gone()
      left()
    })
    // Of what is no frame, or none that is taken, `ws` tells the client by the code of the close: 1002, 1007, 1008, 1009.
    socket.on('error', (error: Error & { code?: string }) => {
      client.end(faults[error.code ?? ''] ?? 'malformed', '')
    })
  }
}

/** A text frame; `ws` gives it in one of three forms of bytes. */
function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8')
  return (Buffer.isBuffer(data) ? data : Buffer.from(data)).toString('utf8')
}

class WebSocketClient implements LiveClient {
  readonly #socket: WebSocket
  #ready: PromiseWithResolvers<void> | undefined
  #stall: NodeJS.Timeout | undefined
  #isAlive = true
  readonly #ping: NodeJS.Timeout
  readonly #ends: SocketEnds
  #farewell: NodeJS.Timeout | undefined

  constructor(socket: WebSocket, ends: SocketEnds) {
    this.#socket = socket
    this.#ends = ends
    this.#ping = setInterval(() => {
      if (!this.#isAlive) this.#stalled()
      this.#isAlive = false
      socket.ping()
    }, pingEveryMs)
  }

  /** True once it is ended from here: nothing that it still sends counts. */
  get isClosed(): boolean {
    return this.#farewell !== undefined
  }

  /** A pong has come. */
  answered(): void {
    this.#isAlive = true
  }

  send(frame: string): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return true
    this.#socket.send(frame, () => this.#drained())
    return this.#hasRoom()
  }

  answerPing(data: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return
    this.#socket.pong(data, false, () => this.#drained())
    this.#hasRoom()
  }

  ready(): Promise<void> {
    return this.#ready?.promise ?? Promise.resolve()
  }

  /** Tells the client why (RFC 6455 §7.4.1: 1008, policy violation), reads no more of it, and cuts it off. */
  end(why: keyof SocketEnds, reason: string): void {
    if (this.isClosed) return
    this.#ends[why]++
    this.#farewell = setTimeout(() => this.#socket.terminate(), farewellMs)
    this.#socket.close(1008, reason)
    this.#socket.pause()
  }

  /** False from now until `ready`. Who does not take its answers is not heard either: they would pile up here. */
  #hasRoom(): boolean {
    if (this.#socket.bufferedAmount <= busyBytes) return true
    if (this.#ready === undefined) this.#socket.pause()
    this.#ready ??= Promise.withResolvers<void>()
    this.#stall ??= setTimeout(() => this.#stalled(), stallMs)
    return false
  }

  #stalled(): void {
    this.#ends.stalled++
    this.#socket.terminate()
  }

  gone(): void {
    clearTimeout(this.#farewell)
    clearInterval(this.#ping)
    this.#release()
  }

  #drained(): void {
    if (this.#socket.bufferedAmount <= busyBytes / 2) this.#release()
  }

  #release(): void {
    clearTimeout(this.#stall)
    this.#stall = undefined
    if (this.#ready !== undefined && !this.isClosed) this.#socket.resume()
    this.#ready?.resolve()
    this.#ready = undefined
  }
}
