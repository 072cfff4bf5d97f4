import { blockIds } from './id-block.ts'
import type { Message } from './message.ts'

/** A message that one session has to be given at QoS 1 or 2. */
export interface Entry {
  readonly message: Message
  readonly qos: 1 | 2
  readonly retain: boolean
  /** Subscription Identifiers. */
  readonly ids: readonly number[]
  /** 0 while it waits in the queue. */
  packetId: number
  /** `released`: the client has it, and is told that its id is free (PUBREL, QoS 2). */
  state: 'queued' | 'sent' | 'released'
}

/**
 * The messages that wait for a session and those on their way to its client, in the order they came. A queue is a list of message ids that
 * go up: what was given a packet id, or passed over, is at or below `sentId`, everything above is still to come. So the session's record
 * need not name what waits.
 */
export class Outgoing {
  /** The highest message id that has left the queue. */
  sentId = 0
  /** By packet id, in the order they were first sent. */
  readonly inFlight = new Map<number, Entry>()
  /** Blocks of packet ids that may have a record on disk. */
  readonly written = new Set<number>()
  #queue: Entry[] = []
  #head = 0
  /** Of those in flight, what the client was not sent since it connected. */
  #again: Entry[] = []
  /** Sent since the client connected, and not finished. */
  #active = 0
  #lastPacketId = 0
  /** Bytes of the messages that wait or are in flight. */
  bytes = 0

  get active(): number {
    return this.#active
  }

  get waiting(): number {
    return this.#queue.length - this.#head
  }

  get isEmpty(): boolean {
    return this.waiting === 0 && this.inFlight.size === 0
  }

  add(entry: Entry): void {
    this.#queue.push(entry)
  }

  /** A client is there: everything in flight is sent to it again, first. */
  connected(): void {
    this.#active = 0
    this.#again = [...this.inFlight.values()]
  }

  /** What to send next, with its packet id; undefined where nothing waits. Messages that `skip` picks are passed over. */
  next(skip: (entry: Entry) => boolean): Entry | undefined {
    let again = this.#again.shift()
    while (again !== undefined && this.inFlight.get(again.packetId) !== again) again = this.#again.shift()
    if (again !== undefined) {
      this.#active++
      return again
    }
    while (this.#head < this.#queue.length) {
      const entry = this.#queue[this.#head] as Entry // checked by the loop
      this.#head++
      // What has left the queue must not be held by it: at once where nothing waits, else after a while.
      if (this.#head === this.#queue.length || (this.#head > 64 && this.#head * 2 > this.#queue.length)) {
        this.#queue = this.#queue.slice(this.#head)
        this.#head = 0
      }
      this.sentId = Math.max(this.sentId, entry.message.id)
      if (skip(entry)) continue
      entry.packetId = this.#freeId()
      this.inFlight.set(entry.packetId, entry)
      this.#active++
      return entry
    }
    return undefined
  }

  /** The client has finished with the packet id. */
  finish(packetId: number): void {
    const entry = this.inFlight.get(packetId)
    if (entry === undefined) return
    this.inFlight.delete(packetId)
    // It may be of the connection before, and not sent again yet.
    if (!this.#again.includes(entry)) this.#active--
  }

  /** Puts back what was in flight when the program ended. */
  restore(entry: Entry): void {
    this.inFlight.set(entry.packetId, entry)
    this.#lastPacketId = Math.max(this.#lastPacketId, entry.packetId)
  }

  /** What is in flight with an id of the block. */
  inBlock(block: number): Entry[] {
    const entries: Entry[] = []
    for (let id = block * blockIds; id < (block + 1) * blockIds; id++) {
      const entry = this.inFlight.get(id)
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  /** Everything, and forgets it. */
  takeAll(): Entry[] {
    const all = [...this.inFlight.values(), ...this.#queue.slice(this.#head)]
    this.inFlight.clear()
    this.#queue = []
    this.#head = 0
    this.#again = []
    this.#active = 0
    return all
  }

  #freeId(): number {
    do {
      this.#lastPacketId = this.#lastPacketId === 65_535 ? 1 : this.#lastPacketId + 1
    } while (this.inFlight.has(this.#lastPacketId))
    return this.#lastPacketId
  }
}
