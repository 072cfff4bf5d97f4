// hot: bench/mqtt-to-log
import { Durable } from '../../../core/durable.ts'

/** The answers to the packets of one or more reads that wait for the same commit. */
export interface AckBatch {
  readonly parts: Uint8Array[]
  /** How many QoS 1 messages it answers. */
  messages: number
  /** How many messages it acknowledges, QoS 1 and 2. */
  taken: number
  /** Packet ids of the QoS 2 messages that it acknowledges. */
  readonly received: number[]
  /** The commit it waits for, and whether that has happened. */
  commit: Promise<Durable> | undefined
  released: boolean
}

/**
 * Answers of one connection, in the order of the packets they answer (MQTT-4.6.0-2 to -4): PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK. They are
 * written into memory as packets are walked, and those that promise something leave when the commit is durable: `release` takes the proof.
 */
export class AckQueue {
  readonly #send: (bytes: Uint8Array) => void
  readonly #scratch: AckScratch
  readonly #batches: AckBatch[] = []
  /** QoS 1 messages received and not answered yet. */
  unanswered = 0

  constructor(scratch: AckScratch, send: (bytes: Uint8Array) => void) {
    this.#scratch = scratch
    this.#send = send
  }

  get empty(): boolean {
    return this.#batches.length === 0
  }

  /** The QoS 1 message of this read will be acknowledged. PUBACK with reason 0 is the same four bytes in 3.1.1 and 5. */
  take(packetId: number): void {
    this.unanswered++
    this.#scratch.put(puback, packetId)
    this.#scratch.messages++
    this.#scratch.taken++
  }

  /** The same for a QoS 2 message: PUBREC. `isNew` unless it was taken before. */
  receive(packetId: number, isNew: boolean): void {
    this.#scratch.put(pubrec, packetId)
    if (!isNew) return
    this.#scratch.received.push(packetId)
    this.#scratch.taken++
  }

  /** The message of this read is refused (MQTT 5). */
  refuse(qos: number, packetId: number, reasonCode: number): void {
    if (qos === 1) {
      this.unanswered++
      this.#scratch.messages++
    }
    this.#scratch.putReason(qos === 1 ? puback : pubrec, packetId, reasonCode)
  }

  /** PUBREL or PUBCOMP, once what it says is on disk. */
  answer(header: typeof pubrel | typeof pubcomp, packetId: number): void {
    this.#scratch.put(header, packetId)
  }

  /** A whole packet that promises something only if `needsCommit`. */
  send(packet: Uint8Array, needsCommit: boolean): void {
    this.#scratch.putPacket(packet, needsCommit)
  }

  /**
   * Closes the answers of a read that waits for `commit`; undefined if nothing of it has to. Returns the batch that a
   * caller must release, or undefined where there is none or the last one already waits for the same commit.
   */
  seal(commit: Promise<Durable> | undefined): AckBatch | undefined {
    const scratch = this.#scratch
    if (scratch.isEmpty) return undefined
    const { messages, taken, needsCommit, received } = scratch
    const bytes = scratch.cut()
    if (commit === undefined && needsCommit) throw new TypeError('an acknowledgement needs a commit')
    const last = this.#batches.at(-1)
    if (last !== undefined && last.commit === commit && !last.released) {
      last.parts.push(bytes)
      last.messages += messages
      last.taken += taken
      last.received.push(...received)
      return undefined
    }
    const batch: AckBatch = {
      parts: [bytes],
      messages,
      taken,
      received: [...received],
      commit,
      released: commit === undefined,
    }
    this.#batches.push(batch)
    if (batch.released) this.#flush()
    return batch.released ? undefined : batch
  }

  /** Sends a batch's acknowledgements, after those before it. Only the proof of its commit makes them leave. */
  release(batch: AckBatch, durable: Durable): void {
    if (!Durable.isDurable(durable)) throw new TypeError('an acknowledgement needs a Durable')
    batch.released = true
    this.#flush()
  }

  /** Forgets everything: the connection is gone, or its commit failed and nothing may be acknowledged. */
  clear(): void {
    this.#batches.length = 0
    this.unanswered = 0
  }

  #flush(): void {
    while (this.#batches[0]?.released === true) {
      const batch = this.#batches.shift() as AckBatch // checked by the loop
      this.unanswered -= batch.messages
      for (const part of batch.parts) this.#send(part)
    }
  }
}

export const puback = 0x40
export const pubrec = 0x50
export const pubrel = 0x62
export const pubcomp = 0x70

/** Memory that the answers of the read in hand are written into; one for all connections of a gateway. */
export class AckScratch {
  #bytes = new Uint8Array(64 * 1024)
  #length = 0
  messages = 0
  taken = 0
  received: number[] = []
  /** Some answer must wait for the commit. */
  needsCommit = false

  get isEmpty(): boolean {
    return this.#length === 0
  }

  /** An answer of four bytes that needs the commit. */
  put(header: number, packetId: number): void {
    if (this.#length + 4 > this.#bytes.length) this.#grow(4)
    const bytes = this.#bytes
    const at = this.#length
    bytes[at] = header
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId
    this.#length = at + 4
    this.needsCommit = true
  }

  putReason(header: number, packetId: number, reasonCode: number): void {
    this.putPacket(Uint8Array.of(header, 3, packetId >> 8, packetId & 255, reasonCode), false)
  }

  putPacket(packet: Uint8Array, needsCommit: boolean): void {
    if (this.#length + packet.length > this.#bytes.length) this.#grow(packet.length)
    this.#bytes.set(packet, this.#length)
    this.#length += packet.length
    this.needsCommit ||= needsCommit
  }

  /** A copy of what was put since the last cut. */
  cut(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length)
    this.#length = 0
    this.messages = 0
    this.taken = 0
    this.needsCommit = false
    if (this.received.length > 0) this.received = []
    return bytes
  }

  #grow(bytes: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + bytes))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}
