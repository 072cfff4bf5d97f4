// hot: bench/load
import net from 'node:net'
import type { RecordableHistogram } from 'node:perf_hooks'
import { PacketRing, type PacketRingOptions } from './packet-ring.ts'

export interface PublisherOptions extends PacketRingOptions {
  readonly host: string
  readonly port: number
  /** Filled with µs from the moment a message was due to its PUBACK, for the last message of every write. */
  readonly latency: RecordableHistogram
  /** Called once: everything is acknowledged after `finish`, or the connection is gone. */
  readonly onEnd: () => void
}

/** One connection that publishes as fast as it is allowed to and counts what was acknowledged. */
export class Publisher {
  readonly ring: PacketRing
  sent = 0
  acked = 0
  /** `performance.now()` of the last PUBACK. */
  lastAckAt = 0
  /** Why the connection ended before its time. */
  failure: string | undefined
  #allowed = 0
  #finished = false
  #ended = false
  #expectedId = 1
  readonly #idLimit: number
  /** Bytes of a PUBACK whose rest is in the next read. */
  readonly #rest = Buffer.alloc(4)
  #restLength = 0
  /** Messages whose latency is sampled, oldest first: the count of acknowledgements that covers each, and when it was due. */
  readonly #sampleCounts: number[] = []
  readonly #sampleTimes: number[] = []
  #nextSample = 0
  #socket: net.Socket | undefined
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    this.#options = options
    this.ring = new PacketRing(options)
    this.#idLimit = this.ring.slots * this.ring.buffers + 1
  }

  /** Connects and waits for the CONNACK. */
  async connect(): Promise<void> {
    const { host, port } = this.#options
    const connected = Promise.withResolvers<void>()
    const read = Buffer.allocUnsafe(64 * 1024)
    let connack = 0
    const onread = {
      buffer: read,
      callback: (length: number): boolean => {
        let from = 0
        while (connack < 4 && from < length) {
          if (read[from] !== connackBytes[connack]) {
            connected.reject(new Error('the server did not accept the connection'))
            return true
          }
          connack++
          from++
        }
        if (connack < 4) return true
        connected.resolve()
        this.#read(read, from, length)
        return true
      },
    }
    const socket = net.connect({ host, port, noDelay: true, onread })
    this.#socket = socket
    socket.on('connect', () => socket.write(connectPacket(`load-${this.#options.connection}`)))
    socket.on('error', (error) => this.#fail(error.message))
    socket.on('close', () => {
      connected.reject(new Error(this.failure ?? 'closed before CONNACK'))
      this.#fail('closed by the server')
    })
    await connected.promise
  }

  /** Lets `messages` more go out, as far as the window has room. They count as due now. */
  allow(messages: number): void {
    this.#allowed += messages
    this.#sample(this.#allowed)
    this.#pump()
  }

  /** Takes back what has been allowed and not sent. */
  cut(): void {
    this.#allowed = this.sent
  }

  /** Nothing more will be allowed: the end is when everything allowed is acknowledged. */
  finish(): void {
    this.#finished = true
    this.#endIfDone()
  }

  /** Gives up waiting. */
  stall(): void {
    this.#fail('no PUBACK for too long')
  }

  /** Ends the connection if it still stands. */
  close(): void {
    this.#ended = true
    this.#socket?.destroySoon()
  }

  #pump(): void {
    if (this.#ended || this.#socket === undefined) return
    const { slots, buffers } = this.ring
    while (this.sent < this.#allowed) {
      const turn = Math.floor(this.sent / slots)
      const from = this.sent % slots
      if (from === 0) {
        if (this.acked < (turn - buffers + 1) * slots) return
        this.ring.fill(turn)
      }
      const to = Math.min(slots, from + this.#allowed - this.sent)
      this.sent += to - from
      if (this.#allowed === Number.POSITIVE_INFINITY) this.#sample(this.sent)
      this.#socket.write(this.ring.packets(turn, from, to))
    }
  }

  #sample(count: number): void {
    if (count === Number.POSITIVE_INFINITY) return
    this.#sampleCounts.push(count)
    this.#sampleTimes.push(performance.now())
  }

  #read(bytes: Buffer, start: number, length: number): void {
    let at = start
    if (this.#restLength > 0) {
      while (this.#restLength < 4 && at < length) this.#rest[this.#restLength++] = bytes[at++] as number
      if (this.#restLength < 4) return
      this.#restLength = 0
      if (this.#acks(this.#rest, 0, 4) !== 4) return
    }
    at = this.#acks(bytes, at, length)
    if (this.failure !== undefined) return
    while (at < length) this.#rest[this.#restLength++] = bytes[at++] as number
    this.#drainSamples()
    this.#endIfDone()
    this.#pump()
  }

  /** Walks whole PUBACKs. MQTT 3.1.1 §4.6: they come in the order of the messages, so each id is known beforehand. */
  #acks(bytes: Buffer, start: number, length: number): number {
    let at = start
    let id = this.#expectedId
    let acked = this.acked
    for (; at + 4 <= length; at += 4) {
      if (
        bytes[at] !== 0x40 ||
        bytes[at + 1] !== 2 ||
        bytes[at + 2] !== id >> 8 ||
        bytes[at + 3] !== (id & 0xff) ||
        acked === this.sent
      ) {
        this.#fail(`expected PUBACK ${id}, got ${bytes.toString('hex', at, at + 4)}`)
        break
      }
      acked++
      if (++id === this.#idLimit) id = 1
    }
    this.acked = acked
    this.#expectedId = id
    return at
  }

  #drainSamples(): void {
    const now = performance.now()
    this.lastAckAt = now
    const counts = this.#sampleCounts
    let next = this.#nextSample
    for (; next < counts.length && (counts[next] as number) <= this.acked; next++) {
      const micros = Math.round((now - (this.#sampleTimes[next] as number)) * 1000)
      this.#options.latency.record(Math.max(1, micros))
    }
    if (next > 1024) {
      counts.splice(0, next)
      this.#sampleTimes.splice(0, next)
      next = 0
    }
    this.#nextSample = next
  }

  #endIfDone(): void {
    if (this.#ended || !this.#finished || this.acked < this.#allowed) return
    this.#ended = true
    this.#socket?.end(Buffer.from([0xe0, 0])) // DISCONNECT
    this.#options.onEnd()
  }

  #fail(reason: string): void {
    if (this.#ended) return
    this.#ended = true
    this.failure = reason
    this.#socket?.destroy()
    this.#options.onEnd()
  }
}

/** CONNACK, session not present, accepted. */
const connackBytes = [0x20, 2, 0, 0]

/** MQTT 3.1.1 §3.1: clean session, no keep-alive. */
export function connectPacket(clientId: string): Buffer {
  const id = Buffer.from(clientId)
  const variable = Buffer.from([0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0x02, 0, 0, 0, id.length])
  return Buffer.concat([Buffer.from([0x10, variable.length + id.length]), variable, id])
}
