// hot: bench/mqtt-to-log
import { Durable } from '../../core/durable.ts'

/** The answers to the QoS 1 messages of one or more reads that wait for the same commit. */
export interface AckBatch {
  readonly parts: Uint8Array[]
  /** How many messages it answers. */
  messages: number
  /** How many of them it acknowledges: these need the commit. */
  taken: number
  /** The commit it waits for, and whether that has happened. */
  commit: Promise<Durable> | undefined
  released: boolean
}

/**
 * PUBACKs of one connection, in the order of their PUBLISH packets (MQTT-4.6.0-2). They are written into memory
 * as messages are walked and leave when the commit is durable: `release` takes the proof.
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

  /** The message of this read will be acknowledged. PUBACK with reason 0 is the same four bytes in 3.1.1 and 5. */
  take(packetId: number): void {
    this.unanswered++
    this.#scratch.put(packetId)
  }

  /** The message of this read is refused (MQTT 5). */
  refuse(packetId: number, reasonCode: number): void {
    this.unanswered++
    this.#scratch.putRefusal(packetId, reasonCode)
  }

  /**
   * Closes the answers of a read that waits for `commit`; undefined if nothing of it has to. Returns the batch that a
   * caller must release, or undefined where there is none or the last one already waits for the same commit.
   */
  seal(commit: Promise<Durable> | undefined): AckBatch | undefined {
    const scratch = this.#scratch
    if (scratch.messages === 0) return undefined
    const { messages, taken } = scratch
    const bytes = scratch.cut()
    if (commit === undefined && taken > 0) throw new TypeError('an acknowledgement needs a commit')
    const last = this.#batches.at(-1)
    if (last !== undefined && last.commit === commit && !last.released) {
      last.parts.push(bytes)
      last.messages += messages
      last.taken += taken
      return undefined
    }
    const batch: AckBatch = { parts: [bytes], messages, taken, commit, released: commit === undefined }
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

/** Memory that the answers of the read in hand are written into; one for all connections of a gateway. */
export class AckScratch {
  #bytes = new Uint8Array(64 * 1024)
  #length = 0
  messages = 0
  taken = 0

  put(packetId: number): void {
    if (this.#length + 5 > this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    const at = this.#length
    bytes[at] = 0x40
    bytes[at + 1] = 2
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId
    this.#length = at + 4
    this.messages++
    this.taken++
  }

  putRefusal(packetId: number, reasonCode: number): void {
    if (this.#length + 5 > this.#bytes.length) this.#grow()
    const bytes = this.#bytes
    const at = this.#length
    bytes[at] = 0x40
    bytes[at + 1] = 3
    bytes[at + 2] = packetId >> 8
    bytes[at + 3] = packetId
    bytes[at + 4] = reasonCode
    this.#length = at + 5
    this.messages++
  }

  /** A copy of what was put since the last cut. */
  cut(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length)
    this.#length = 0
    this.messages = 0
    this.taken = 0
    return bytes
  }

  #grow(): void {
    const larger = new Uint8Array(this.#bytes.length * 2)
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}
