import type { Keeper } from './keeper.ts'
import type { Message } from './message.ts'
import { decodeMessage, encodeMessage } from './message-record.ts'

/** The last message with the retain flag of one topic. */
export class Retained {
  readonly message: Message

  constructor(message: Message) {
    this.message = message
  }

  encode(keeper: Keeper): Uint8Array {
    return encodeMessage(this.message, [], keeper.wallTime(this.message.expiresAt))
  }
}

export interface RetainedLimits {
  readonly maxRetainedMessages: number
  readonly maxRetainedBytes: number
}

interface Node {
  /** `none` until there is one. */
  children: Map<string, Node>
  retained: Retained | undefined
}

const none = new Map<string, Node>()

// What they take in memory beside the bytes of the message, as measured with Node 26.
const messageBytes = 704
const nodeBytes = 96
const childrenBytes = 160

/**
 * Retained messages by topic, a level a node, so that a filter goes only where it can match. A message whose time is over is forgotten when it
 * is met, or at a sweep.
 */
export class RetainedMessages {
  readonly #root = newNode()
  readonly #limits: RetainedLimits
  readonly #keeper: Keeper
  /** Only those that expire, by topic. */
  readonly #expiring = new Map<string, Retained>()
  count = 0
  /** Of messages, their topics and the levels of these. */
  bytes = 0

  constructor(limits: RetainedLimits, keeper: Keeper) {
    this.#limits = limits
    this.#keeper = keeper
  }

  /** Whether there is room for a message on the topic whose payload and properties have so many bytes. */
  hasRoom(topic: string, bytes: number): boolean {
    const { maxRetainedMessages, maxRetainedBytes } = this.#limits
    let at: Node | undefined = this.#root
    let more = messageBytes + Buffer.byteLength(topic) + bytes
    for (const level of topic.split('/')) {
      if (at === undefined || at.children === none) more += childrenBytes
      at = at?.children.get(level)
      if (at === undefined) more += nodeBytes
    }
    const before = at?.retained
    const count = this.count + (before === undefined ? 1 : 0)
    const freed = before === undefined ? 0 : bytesOf(before)
    return count <= maxRetainedMessages && this.bytes - freed + more <= maxRetainedBytes
  }

  /** An empty payload removes what is there. The message's bytes are kept: they must be its own. */
  set(topic: string, message: Message): void {
    if (message.payload.length === 0) {
      this.#remove(topic)
      return
    }
    this.#put(topic, new Retained(message))
    this.#keeper.retained(topic, this.#record)
  }

  restore(entries: Iterable<readonly [topic: string, record: Uint8Array]>): void {
    for (const [topic, record] of entries) {
      const found = decodeMessage(record)
      if (found !== undefined) this.#put(topic, new Retained(found.message))
    }
  }

  /**
   * Those whose topic the filter matches (MQTT 5 §4.7), looked for one after the other as they are asked for: there may be very many, and some may be replaced or go
   * meanwhile.
   */
  *match(filter: string): Iterable<Message> {
    for (const message of this.#collect(this.#root, filter.split('/'), 0))
      if (message.remainingSeconds(this.#keeper.now()) !== 0) yield message
  }

  /** Whether the message is still the last one of its topic. */
  isCurrent(message: Message): boolean {
    return this.#find(message.topicText)?.message === message
  }

  sweep(): void {
    const now = this.#keeper.now()
    for (const [topic, { message }] of this.#expiring)
      if (message.remainingSeconds(now) === 0) this.#remove(topic)
  }

  #put(topic: string, retained: Retained): void {
    let at = this.#root
    for (const level of topic.split('/')) {
      let child = at.children.get(level)
      if (child === undefined) {
        child = newNode()
        this.bytes += nodeBytes
        if (at.children === none) {
          at.children = new Map()
          this.bytes += childrenBytes
        }
        at.children.set(level, child)
      }
      at = child
    }
    if (at.retained === undefined) this.count++
    else this.bytes -= bytesOf(at.retained)
    this.bytes += bytesOf(retained)
    at.retained = retained
    if (retained.message.expiresAt === Number.POSITIVE_INFINITY) this.#expiring.delete(topic)
    else this.#expiring.set(topic, retained)
  }

  #remove(topic: string): void {
    const path: [Node, string][] = []
    let at = this.#root
    for (const level of topic.split('/')) {
      const child = at.children.get(level)
      if (child === undefined) return
      path.push([at, level])
      at = child
    }
    if (at.retained === undefined) return
    this.count--
    this.bytes -= bytesOf(at.retained)
    at.retained = undefined
    this.#expiring.delete(topic)
    this.#keeper.retained(topic, this.#record)
    for (const [parent, level] of path.reverse()) {
      const child = parent.children.get(level)
      if (child === undefined || child.retained !== undefined || child.children.size > 0) break
      parent.children.delete(level)
      this.bytes -= nodeBytes
      if (parent.children.size > 0) break
      parent.children = none
      this.bytes -= childrenBytes
    }
  }

  readonly #record = (topic: string): Uint8Array | undefined => this.#find(topic)?.encode(this.#keeper)

  #find(topic: string): Retained | undefined {
    let at: Node | undefined = this.#root
    for (const level of topic.split('/')) at = at?.children.get(level)
    return at?.retained
  }

  *#collect(at: Node, levels: readonly string[], depth: number): Iterable<Message> {
    const level = levels[depth]
    // `a/#` is also for `a` itself.
    if ((level === undefined || level === '#') && at.retained !== undefined) yield at.retained.message
    if (level === undefined) return
    if (level !== '+' && level !== '#') {
      const child = at.children.get(level)
      if (child !== undefined) yield* this.#collect(child, levels, depth + 1)
      return
    }
    for (const [name, child] of at.children) {
      // MQTT-4.7.2-1: a leading wildcard does not match a topic that begins with $.
      if (at === this.#root && name.startsWith('$')) continue
      yield* this.#collect(child, levels, level === '#' ? depth : depth + 1)
    }
  }
}

function newNode(): Node {
  return { children: none, retained: undefined }
}

function bytesOf({ message: { topic, properties, payload } }: Retained): number {
  return messageBytes + topic.length + properties.length + payload.length
}
