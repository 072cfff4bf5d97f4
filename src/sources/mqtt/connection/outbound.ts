import type { Clock } from '../../../lib/clock.ts'
import type { Wire } from './wire.ts'

/** Bytes queued for all connections together. */
export interface OutboundBudget {
  queuedBytes: number
  readonly maxBytes: number
}

/** A connection may always queue this much for its subscriptions, however full the common budget is. */
const ownShare = 64 * 1024

/**
 * What is on its way to one peer. Everything sent in one turn leaves in one write, one write is under way at a time,
 * and the bytes waiting are counted exactly, so a peer that does not read costs at most `maxBytes`.
 */
export class Outbound {
  readonly #wire: Wire
  readonly #clock: Clock
  readonly #budget: OutboundBudget
  readonly #maxBytes: number
  readonly #sent: (bytes: number) => void
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #writingBytes = 0
  #writingSinceMs = 0
  #scheduled = false
  #ending = false
  #closed = false

  /** `sent` is called whenever a write was taken by the system. */
  constructor(
    wire: Wire,
    clock: Clock,
    budget: OutboundBudget,
    maxBytes: number,
    sent: (bytes: number) => void,
  ) {
    this.#wire = wire
    this.#clock = clock
    this.#budget = budget
    this.#maxBytes = maxBytes
    this.#sent = sent
  }

  get queuedBytes(): number {
    return this.#waitingBytes + this.#writingBytes
  }

  /** More waits than this connection may hold: its input should wait. */
  get full(): boolean {
    return this.queuedBytes > this.#maxBytes
  }

  /** A delivery of so many bytes would not be dropped, whatever waits for others. */
  hasRoomFor(bytes: number): boolean {
    const queued = this.queuedBytes
    return queued === 0 || queued + bytes <= Math.min(ownShare, this.#maxBytes)
  }

  /** Milliseconds that the write under way has taken so far. */
  stalledMs(): number {
    return this.#writingBytes === 0 ? 0 : this.#clock.monotonicMs() - this.#writingSinceMs
  }

  /** Sends bytes of the protocol itself. They are never dropped; the caller stops reading while `full`. */
  send(bytes: Uint8Array): void {
    if (this.#ending || this.#closed) return
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.#budget.queuedBytes += bytes.length
    if (this.#scheduled || this.#writingBytes > 0) return
    this.#scheduled = true
    process.nextTick(this.#flush)
  }

  /** Sends a delivery if there is room for it; false if it was dropped. One delivery always fits an empty queue. */
  offer(bytes: Uint8Array): boolean {
    const queued = this.queuedBytes
    if (queued > 0) {
      const after = queued + bytes.length
      if (after > this.#maxBytes) return false
      if (after > ownShare && this.#budget.queuedBytes + bytes.length > this.#budget.maxBytes) return false
    }
    this.send(bytes)
    return true
  }

  /** Finishes after what is queued. */
  end(): void {
    if (this.#ending || this.#closed) return
    this.#ending = true
    if (!this.#scheduled && this.queuedBytes === 0) this.#wire.end()
  }

  /** The wire is gone: forgets what is queued. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#budget.queuedBytes -= this.queuedBytes
    this.#waiting = []
    this.#waitingBytes = 0
    this.#writingBytes = 0
  }

  readonly #flush = (): void => {
    this.#scheduled = false
    if (this.#closed) return
    if (this.#waiting.length === 0) {
      if (this.#ending) this.#wire.end()
      return
    }
    const bytes = this.#waiting.length === 1 ? (this.#waiting[0] as Uint8Array) : Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#writingBytes = this.#waitingBytes
    this.#waitingBytes = 0
    this.#writingSinceMs = this.#clock.monotonicMs()
    this.#wire.write(bytes, this.#written)
  }

  readonly #written = (): void => {
    if (this.#closed) return
    const bytes = this.#writingBytes
    this.#budget.queuedBytes -= bytes
    this.#writingBytes = 0
    this.#flush()
    this.#sent(bytes)
  }
}
