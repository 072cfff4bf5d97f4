import type { MqttCounters } from '../counters.ts'
import { FilterTrie, type Match } from './filter-trie.ts'
import { MatchCache } from './match-cache.ts'
import type { Session, Subscription } from './session.ts'
import { SharedGroup } from './shared-group.ts'

/** Whoever stands in the trie: a session, or a group of which one session gets the message. */
export type Subscriber = Session | SharedGroup

export interface SubscriptionLimits {
  readonly maxSubscriptionBytes: number
  readonly matchCacheBytes: number
}

// What they take in memory beside the filter and its levels, as measured with Node 26.
const subscriptionBytes = 256
const groupBytes = 512

/** Who subscribes to what. */
export class Subscriptions {
  readonly #trie = new FilterTrie<Subscriber>()
  readonly #matches: MatchCache<Subscriber>
  readonly #limits: SubscriptionLimits
  /** By `<share>/<filter>`: a share name has no slash. */
  readonly #groups = new Map<string, SharedGroup>()
  /** Subscriptions of all sessions. */
  count = 0
  /** Of all that is no level of the trie. */
  #bytes = 0

  constructor(limits: SubscriptionLimits, counters: Pick<MqttCounters, 'matchesForgotten'>) {
    this.#limits = limits
    this.#matches = new MatchCache(this.#trie, limits.matchCacheBytes, counters)
  }

  get isEmpty(): boolean {
    return this.#trie.size === 0
  }

  /** Who gets a topic, and how. */
  match(topic: string): readonly Match<Subscriber>[] {
    return this.#matches.match(topic)
  }

  get bytes(): number {
    return this.#trie.bytes + this.#bytes
  }

  /** Whether there is room for a filter of the session, as the client wrote it; `matched` without `$share/<group>/`. */
  hasRoom(session: Session, filter: string, matched: string): boolean {
    if (session.subscriptions.has(filter)) return true
    let more = bytesOf(filter)
    const isShared = filter !== matched
    // `$share/` is not part of a group's key.
    if (!isShared || !this.#groups.has(filter.slice(7)))
      more += this.#trie.bytesFor(matched) + (isShared ? groupBytes : 0)
    return this.bytes + more <= this.#limits.maxSubscriptionBytes
  }

  /** `filter` as the client wrote it. True if it is new to the session. */
  add(session: Session, filter: string, subscription: Subscription): boolean {
    const isNew = !session.subscriptions.has(filter)
    session.subscriptions.set(filter, subscription)
    if (isNew) {
      this.count++
      this.#bytes += bytesOf(filter)
    }
    if (subscription.share === undefined) {
      this.#trie.add(subscription.filter, session, subscription)
      return isNew
    }
    const key = groupKey(subscription)
    let group = this.#groups.get(key)
    if (group === undefined) {
      group = new SharedGroup()
      this.#groups.set(key, group)
      this.#bytes += groupBytes
      // Its members say how each of them wants it.
      this.#trie.add(subscription.filter, group, subscription)
    }
    group.add(session, subscription)
    return isNew
  }

  /** False if there was none. */
  remove(session: Session, filter: string): boolean {
    const subscription = session.subscriptions.get(filter)
    if (subscription === undefined) return false
    session.subscriptions.delete(filter)
    this.count--
    this.#bytes -= bytesOf(filter)
    if (subscription.share === undefined) {
      this.#trie.remove(subscription.filter, session)
      return true
    }
    const key = groupKey(subscription)
    const group = this.#groups.get(key)
    group?.remove(session)
    if (group?.isEmpty === true) {
      this.#groups.delete(key)
      this.#bytes -= groupBytes
      this.#trie.remove(subscription.filter, group)
    }
    return true
  }

  removeAll(session: Session): void {
    for (const filter of [...session.subscriptions.keys()]) this.remove(session, filter)
  }
}

function groupKey({ share, filter }: Subscription): string {
  return `${share ?? ''}/${filter}`
}

/** A character takes two bytes at most. */
function bytesOf(filter: string): number {
  return subscriptionBytes + 2 * filter.length
}
