// hot: bench/mqtt-to-log
import { ByteTable } from '../../../core/byte-table.ts'
import type { Route } from '../../../core/format.ts'

/** What is known of a topic that a connection publishes to: found once, used for every message. */
export interface TopicEntry {
  readonly topic: string
  /** The same in UTF-8, once a subscriber needed it. */
  bytes: Uint8Array | undefined
  /** undefined: plain MQTT. */
  readonly route: Route | undefined
  /** Why this connection may not publish there; undefined if it may. */
  readonly refusal: TopicRefusal | undefined
}

export interface TopicRefusal {
  readonly code: 'not-allowed' | 'invalid-name'
  readonly reason: string
}

/** Entries held by all connections of a gateway together. */
export interface TopicBudget {
  entries: number
  readonly maxEntries: number
}

const maxEntries = 8192
const maxTopicBytes = 512 * 1024
/** Below this a connection keeps its topics even when all together hold too many. */
const ownShare = 16

/** Topic bytes → entry, per connection, because what it holds includes the authorizer's decision. Full, it starts again. */
export class TopicCache {
  readonly #budget: TopicBudget
  #table: ByteTable | undefined
  #entries: TopicEntry[] = []
  #topicBytes = 0

  constructor(budget: TopicBudget) {
    this.#budget = budget
  }

  find(bytes: Uint8Array, from: number, to: number): TopicEntry | undefined {
    const table = this.#table
    if (table === undefined) return undefined
    const index = table.get(bytes, from, to)
    return index < 0 ? undefined : this.#entries[index]
  }

  put(bytes: Uint8Array, from: number, to: number, entry: TopicEntry): void {
    const own = this.#entries.length
    const budget = this.#budget
    const tooMany = own >= maxEntries || this.#topicBytes + to - from > maxTopicBytes
    if (tooMany || (own >= ownShare && budget.entries >= budget.maxEntries)) this.clear()
    this.#table ??= new ByteTable()
    this.#table.put(bytes, from, to, this.#entries.length)
    this.#entries.push(entry)
    this.#topicBytes += to - from
    budget.entries++
  }

  /** Forgets everything: decisions are asked again. */
  clear(): void {
    this.#budget.entries -= this.#entries.length
    this.#table = undefined
    this.#entries = []
    this.#topicBytes = 0
  }
}
