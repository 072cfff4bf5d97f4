/** How one subscriber wants one filter (MQTT 5 §3.8.3.1; 3.1.1 has the QoS only). */
export interface SubscriptionOptions {
  readonly qos: 0 | 1 | 2
  /** Not the messages it published itself. */
  readonly noLocal: boolean
  /** Messages keep the retain flag that they were published with. */
  readonly retainAsPublished: boolean
  /** Subscription Identifier; 0 is none. */
  readonly id: number
}

/** How one message is to be given. */
export type Wanted = Pick<SubscriptionOptions, 'qos' | 'retainAsPublished'> & {
  readonly ids: readonly number[]
}

/** How one subscriber gets one topic, by all its filters that match: once, at their highest QoS, with all their identifiers. */
export interface Match<S> extends Wanted {
  readonly subscriber: S
  /** How it gets what it publishes itself, where that is another way: by those of its filters that are not No Local. `none`: not at all. */
  readonly own: Wanted | 'none' | undefined
}

/** Maps are there once something is in them: most levels of long filters have one child and no subscriber. */
interface Node<S> {
  children: Map<string, Node<S>> | undefined
  subscribers: Map<S, SubscriptionOptions> | undefined
}

// What they take in memory, as measured with Node 26.
const nodeBytes = 96
const mapBytes = 160
const entryBytes = 48

/**
 * Subscriptions by topic filter, a level a node (MQTT 5 §4.7). `version` changes with every subscription, so that a match
 * can be kept beside its topic: messages pay for subscribing only when somebody subscribes.
 */
export class FilterTrie<S> {
  readonly #root: Node<S> = node()
  /** Subscriptions held. */
  size = 0
  /** Of levels and of places in them. */
  bytes = 0
  version = 0

  /** What a filter more would add to `bytes`. */
  bytesFor(filter: string): number {
    let at: Node<S> | undefined = this.#root
    let bytes = entryBytes
    for (const level of filter.split('/')) {
      if (at?.children === undefined) bytes += mapBytes
      at = at?.children?.get(level)
      if (at === undefined) bytes += nodeBytes
    }
    return at?.subscribers === undefined ? bytes + mapBytes : bytes
  }

  /** Adds or replaces; true if it is new. */
  add(filter: string, subscriber: S, options: SubscriptionOptions): boolean {
    let at = this.#root
    for (const level of filter.split('/')) {
      at.children ??= this.#newMap()
      let child = at.children.get(level)
      if (child === undefined) {
        child = node()
        this.bytes += nodeBytes
        at.children.set(level, child)
      }
      at = child
    }
    at.subscribers ??= this.#newMap()
    const added = !at.subscribers.has(subscriber)
    at.subscribers.set(subscriber, options)
    if (added) {
      this.size++
      this.bytes += entryBytes
    }
    this.version++
    return added
  }

  /** True if there was such a subscription. */
  remove(filter: string, subscriber: S): boolean {
    const path: [Node<S>, string][] = []
    let at = this.#root
    for (const level of filter.split('/')) {
      const child = at.children?.get(level)
      if (child === undefined) return false
      path.push([at, level])
      at = child
    }
    if (at.subscribers?.delete(subscriber) !== true) return false
    this.bytes -= entryBytes
    at.subscribers = this.#unlessEmpty(at.subscribers)
    for (const [parent, level] of path.reverse()) {
      const child = parent.children?.get(level)
      if (child === undefined || child.subscribers !== undefined || child.children !== undefined) break
      parent.children?.delete(level)
      this.bytes -= nodeBytes
      parent.children = this.#unlessEmpty(parent.children)
    }
    this.size--
    this.version++
    return true
  }

  /** Each subscriber once, however many of its filters match. */
  match(topic: string): Match<S>[] {
    const levels = topic.split('/')
    const found = new Map<S, Match<S>>()
    this.#collect(this.#root, levels, 0, found)
    return [...found.values()]
  }

  #newMap<K, V>(): Map<K, V> {
    this.bytes += mapBytes
    return new Map()
  }

  #unlessEmpty<K, V>(map: Map<K, V> | undefined): Map<K, V> | undefined {
    if (map === undefined || map.size > 0) return map
    this.bytes -= mapBytes
    return undefined
  }

  #collect(at: Node<S>, levels: readonly string[], depth: number, found: Map<S, Match<S>>): void {
    // MQTT-4.7.2-1: a leading wildcard does not match a topic that begins with $.
    const wildcards = depth > 0 || levels[0]?.startsWith('$') !== true
    if (wildcards) take(at.children?.get('#'), found)
    const level = levels[depth]
    if (level === undefined) {
      take(at, found)
      return
    }
    const exact = at.children?.get(level)
    if (exact !== undefined) this.#collect(exact, levels, depth + 1, found)
    const any = wildcards ? at.children?.get('+') : undefined
    if (any !== undefined) this.#collect(any, levels, depth + 1, found)
  }
}

function node<S>(): Node<S> {
  return { children: undefined, subscribers: undefined }
}

function take<S>(at: Node<S> | undefined, found: Map<S, Match<S>>): void {
  if (at?.subscribers === undefined) return
  for (const [subscriber, options] of at.subscribers) {
    found.set(subscriber, joined(subscriber, options, found.get(subscriber)))
  }
}

function joined<S>(subscriber: S, options: SubscriptionOptions, other: Match<S> | undefined): Match<S> {
  const one = { qos: options.qos, retainAsPublished: options.retainAsPublished, ids: idsOf(options) }
  if (other === undefined) return { subscriber, ...one, own: options.noLocal ? 'none' : undefined }
  const otherOwn = other.own ?? other
  let own: Match<S>['own']
  if (options.noLocal) own = otherOwn === 'none' ? 'none' : wantedOf(otherOwn)
  else if (other.own !== undefined) own = otherOwn === 'none' ? one : both(otherOwn, one)
  return { subscriber, ...both(other, one), own }
}

function wantedOf({ qos, retainAsPublished, ids }: Wanted): Wanted {
  return { qos, retainAsPublished, ids }
}

function both(a: Wanted, b: Wanted): Wanted {
  return {
    qos: a.qos > b.qos ? a.qos : b.qos,
    retainAsPublished: a.retainAsPublished || b.retainAsPublished,
    ids: [...a.ids, ...b.ids],
  }
}

const none: readonly number[] = []

/** The Subscription Identifiers that one subscription gives to its messages. */
export function idsOf({ id }: SubscriptionOptions): readonly number[] {
  return id === 0 ? none : [id]
}
