// hot: bench/load
import net from 'node:net'
import { connectPacket } from './publisher.ts'
import { remainingLength } from './packet-ring.ts'

/** Takes the messages of one connection and counts them. */
export interface FanoutListener {
  /** A PUBLISH has come: its bytes are [from, to) of `bytes`. */
  delivered(bytes: Buffer, from: number, to: number): void
  /** Everything of one read was walked. */
  readDone(): void
  failed(reason: string): void
}

/** What one socket reads stands here: all walk it before they return. */
const shared = Buffer.allocUnsafe(64 * 1024)

/** An MQTT 3.1.1 client that is cheap enough to stand there a thousand times: it walks PUBLISH packets in place and answers each read with one write. */
export class FanoutClient {
  /** PUBLISH packets received. */
  delivered = 0
  /** QoS of its subscription, or 0x80. */
  granted = 0
  readonly #listener: FanoutListener
  readonly #answered = Promise.withResolvers<void>()
  readonly #socket: net.Socket
  #rest: Buffer = none
  #acks: number[] = []
  #waitsFor = 0
  #isEnded = false

  constructor(host: string, port: number, clientId: string, listener: FanoutListener) {
    this.#listener = listener
    this.#socket = net.connect({
      ...{ host, port, noDelay: true },
      onread: {
        buffer: shared,
        callback: (length) => {
          this.#read(length)
          return true
        },
      },
    })
    this.#socket.on('error', (error) => this.#fail(error.message))
    this.#socket.on('close', () => this.#fail('the server closed the connection'))
    this.#waitsFor = connack
    this.#socket.write(connectPacket(clientId))
  }

  /** Resolves when CONNACK, or the SUBACK that was asked for, is there. */
  get answered(): Promise<void> {
    return this.#answered.promise
  }

  /** Subscribes at that QoS once it is connected. */
  async subscribe(filter: string, qos: 0 | 1): Promise<void> {
    await this.answered
    const answered = Promise.withResolvers<void>()
    this.#onAnswer = answered.resolve
    this.#waitsFor = suback
    const topic = Buffer.from(filter)
    const body = [0, 1, topic.length >> 8, topic.length & 0xff, ...topic, qos]
    this.#socket.write(Buffer.from([0x82, ...remainingLength(body.length), ...body]))
    await answered.promise
  }

  write(packets: Buffer): void {
    this.#socket.write(packets)
  }

  end(): void {
    this.#isEnded = true
    this.#socket.destroy()
  }

  #onAnswer: () => void = () => this.#answered.resolve()

  #read(length: number): void {
    let bytes: Buffer = shared
    let to = length
    if (this.#rest.length > 0) {
      bytes = Buffer.concat([this.#rest, shared.subarray(0, length)])
      to = bytes.length
    }
    const at = this.#walk(bytes, to)
    this.#rest = at < to ? Buffer.from(bytes.subarray(at, to)) : none
    if (this.#acks.length > 0) {
      this.#socket.write(pubacks(this.#acks))
      this.#acks = []
    }
    this.#listener.readDone()
  }

  /** Takes every whole packet; returns where the unfinished one starts. */
  #walk(bytes: Buffer, to: number): number {
    let at = 0
    while (to - at >= 2) {
      let body = at + 1
      let length = 0
      let byte = 128
      for (let shift = 0; byte > 127; shift += 7) {
        if (body === to) return at
        byte = bytes[body++] as number
        length |= (byte & 127) << shift
      }
      const end = body + length
      if (end > to) return at
      const header = bytes[at] as number
      if (header >> 4 === 3) {
        this.delivered++
        if ((header & 6) !== 0) {
          const id = body + 2 + bytes.readUInt16BE(body)
          this.#acks.push(bytes.readUInt16BE(id))
        }
        this.#listener.delivered(bytes, at, end)
      } else if (header >> 4 === this.#waitsFor) {
        this.granted = bytes[end - 1] as number
        this.#onAnswer()
      }
      at = end
    }
    return at
  }

  #fail(reason: string): void {
    if (this.#isEnded) return
    this.#isEnded = true
    this.#listener.failed(reason)
    this.#answered.reject(new Error(reason))
    this.#answered.promise.catch(() => {}) // the listener knows
  }
}

const none = Buffer.alloc(0)
const connack = 2
const suback = 9

function pubacks(ids: readonly number[]): Buffer {
  const packets = Buffer.allocUnsafe(4 * ids.length)
  for (let i = 0; i < ids.length; i++) {
    packets.writeUInt16BE(0x4002, 4 * i)
    packets.writeUInt16BE(ids[i] as number, 4 * i + 2)
  }
  return packets
}
