import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, WebSocketServer, type WebSocket } from 'ws'
import { namePattern } from '../../src/core/pattern.ts'
import { decodeCursor, encodeCursor } from '../../src/core/position.ts'
import type { DevHistory } from './history.ts'

export const logId = '5f0c1f7e-0000-4000-8000-00000000de50'

/** The made-up log's place at a time in ms. */
export function cursorAt(ms: number): string {
  return encodeCursor([{ log: logId, partition: 0, next: BigInt(Math.round(ms * 1000)) }])
}

interface Subscription {
  readonly wants: (device: string, metric: string) => boolean
  at: number
}

/** The live half of the contract. `cut` ends all sockets as a lost network would; `skip` makes the next frames announce a gap. */
export class DevLive {
  readonly #history: DevHistory
  readonly #server = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  readonly #sockets = new Set<WebSocket>()
  /** Cursors that subscriptions were started from, newest last: tests look at them. */
  readonly resumed: string[] = []
  #skip = false

  constructor(history: DevHistory) {
    this.#history = history
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket))
  }

  cut(): void {
    for (const socket of this.#sockets) socket.terminate()
  }

  skip(): void {
    this.#skip = true
  }

  #serve(socket: WebSocket): void {
    this.#sockets.add(socket)
    const subscriptions = new Map<string, Subscription>()
    const numbers = new Map<string, number>()
    const send = (frame: object) => socket.send(JSON.stringify(frame))
    send({ type: 'hello', cursor: cursorAt(Date.now()) })
    const timer = setInterval(() => {
      for (const [id, subscription] of subscriptions) {
        const to = Date.now()
        const rows = this.#history.entered(subscription.at, to, subscription.wants)
        if (this.#skip && rows.length > 0)
          send({ type: 'gap', id, rows: rows.length, from: cursorAt(subscription.at), to: cursorAt(to) })
        subscription.at = to
        if (rows.length === 0) continue
        const series: (readonly [number, string, string, string])[] = []
        const frame = rows.map(({ device, metric, unit, time, value, quality }) => {
          const name = `${id}\n${device}\n${metric}`
          let n = numbers.get(name)
          if (n === undefined) {
            n = numbers.size
            numbers.set(name, n)
            series.push([n, device, metric, unit])
          }
          return [n, time, value, quality]
        })
        send({ type: 'readings', id, cursor: cursorAt(to), series, rows: frame })
      }
      this.#skip = false
    }, 50)
    socket.on('message', (data) => {
      // The app is the only client.
      const frame = JSON.parse(dataText(data)) as {
        type: string
        id: string
        devices: string | string[]
        metrics: string | string[]
        from?: string
      }
      if (frame.type === 'ping') send({ type: 'pong' })
      if (frame.type === 'unsubscribe') subscriptions.delete(frame.id)
      if (frame.type !== 'subscribe') return
      let at = Date.now()
      if (frame.from !== undefined) {
        this.resumed.push(frame.from)
        const [position] = decodeCursor(frame.from) ?? []
        if (position === undefined || position.log !== logId) {
          send({ type: 'error', id: frame.id, code: 'bad-request', message: 'the cursor is of another log' })
          return
        }
        at = Number(position.next) / 1000
      }
      const isDevice = anyOf(frame.devices)
      const isMetric = anyOf(frame.metrics)
      subscriptions.set(frame.id, { wants: (device, metric) => isDevice(device) && isMetric(metric), at })
      send({ type: 'subscribed', id: frame.id, cursor: cursorAt(at) })
    })
    socket.on('close', () => {
      clearInterval(timer)
      this.#sockets.delete(socket)
    })
  }
}

/** ws hands a text frame over as a Buffer. */
function dataText(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString('utf8') : ''
}

function anyOf(patterns: string | readonly string[]): (name: string) => boolean {
  const matchers = [patterns].flat().map(namePattern)
  return (name) => matchers.some((matches) => matches(name))
}
