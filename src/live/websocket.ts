import type { RawData, WebSocket } from 'ws'
import type { LiveHub } from './hub.ts'
import type { LiveClient } from './live-client.ts'

/** Bytes that may wait in a socket before its client counts as busy. */
const busyBytes = 256 * 1024
/** A client that takes nothing for so long is cut off. */
const stallMs = 30_000
const pingEveryMs = 20_000

/** Lets a WebSocket take part in the hub until it closes. */
export function serveWebSocket(socket: WebSocket, hub: LiveHub): void {
  const client = new WebSocketClient(socket)
  const { receive, left } = hub.join(client)
  socket.on('message', (data, isBinary) => {
    if (isBinary) client.close('text frames only')
    else receive(textOf(data))
  })
  socket.on('ping', (data) => client.answerPing(data))
  socket.on('close', () => {
    client.gone()
    left()
  })
  // 'close' follows; there is nobody to tell.
  socket.on('error', () => undefined)
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

  constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('pong', () => {
      this.#isAlive = true
    })
    this.#ping = setInterval(() => {
      if (!this.#isAlive) socket.terminate()
      this.#isAlive = false
      socket.ping()
    }, pingEveryMs)
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

  close(reason: string): void {
    this.#socket.close(1008, reason)
  }

  /** False from now until `ready`. Who does not take its answers is not heard either: they would pile up here. */
  #hasRoom(): boolean {
    if (this.#socket.bufferedAmount <= busyBytes) return true
    if (this.#ready === undefined) this.#socket.pause()
    this.#ready ??= Promise.withResolvers<void>()
    this.#stall ??= setTimeout(() => this.#socket.terminate(), stallMs)
    return false
  }

  gone(): void {
    clearInterval(this.#ping)
    this.#release()
  }

  #drained(): void {
    if (this.#socket.bufferedAmount <= busyBytes / 2) this.#release()
  }

  #release(): void {
    clearTimeout(this.#stall)
    this.#stall = undefined
    if (this.#ready !== undefined) this.#socket.resume()
    this.#ready?.resolve()
    this.#ready = undefined
  }
}
