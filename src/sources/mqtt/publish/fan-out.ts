import { maskBroken } from '../../../lib/mask-broken.ts'
import { maskTokens } from '../../../lib/mask-tokens.ts'
import { idsOf, type Wanted } from '../sessions/filter-trie.ts'
import type { Keeper } from '../sessions/keeper.ts'
import { expiryOf, Message } from '../sessions/message.ts'
import type { Target } from '../sessions/message-record.ts'
import type { MqttCounters } from '../counters.ts'
import type { PacketWalk } from '../packets/packet-walk.ts'
import { forwardedProperties } from '../packets/publish-properties.ts'
import type { Session } from '../sessions/session.ts'
import { SharedGroup } from '../sessions/shared-group.ts'
import type { Subscriptions } from '../sessions/subscriptions.ts'
import type { TopicEntry } from './topic-cache.ts'

/** How one session gets the message in hand. */
interface Share {
  readonly session: Session
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly ids: readonly number[]
}

/** A message whose commit is under way, and who gets it then. */
export interface Pending {
  readonly message: Message
  readonly shares: readonly Share[]
}

/**
 * Hands a message to its subscribers: at QoS 0 at once; at QoS 1 and 2 when the commit that holds it is on disk, so that nobody is told of
 * what a crash takes back. Each gets it once, whatever filters of its match.
 */
export class FanOut {
  readonly #subscriptions: Subscriptions
  readonly #keeper: Keeper
  readonly #counters: Pick<MqttCounters, 'queueDropped'>
  #pending: Pending[] = []
  /** Not all of the message in hand could be read. */
  isBroken = false

  constructor(subscriptions: Subscriptions, keeper: Keeper, counters: Pick<MqttCounters, 'queueDropped'>) {
    this.#subscriptions = subscriptions
    this.#keeper = keeper
    this.#counters = counters
  }

  get isIdle(): boolean {
    return this.#subscriptions.isEmpty
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /** The message as it is kept and handed on. Secrets in the payload of an ingest topic are masked. */
  message(bytes: Uint8Array, walk: PacketWalk, entry: TopicEntry): Message {
    const { payloadFrom, end } = walk
    const mask = this.isBroken ? maskBroken : maskTokens
    const payload =
      entry.route === undefined ? bytes.subarray(payloadFrom, end) : mask(bytes, payloadFrom, end)
    entry.bytes ??= encoder.encode(entry.topic)
    return new Message({
      topic: entry.bytes,
      properties: forwardedProperties(bytes, walk.propertiesFrom, walk.payloadFrom),
      payload: new Uint8Array(payload),
      qos: walk.qos as 0 | 1 | 2, // the walk has refused 3
      expiresAt: expiryOf(this.#keeper.now(), walk.expirySeconds),
    })
  }

  /** Returns true if something waits for the commit. `message` undefined: it is made if somebody wants it. */
  deliver(
    bytes: Uint8Array,
    walk: PacketWalk,
    entry: TopicEntry,
    publisher: Session | undefined,
    given: Message | undefined,
  ): boolean {
    const matches = this.#subscriptions.match(entry.topic)
    if (matches.length === 0) return false
    let message = given
    let shares: Share[] | undefined
    let targets: Target[] | undefined
    /** Sessions that were picked for a group, and places of those that get the message once more beside it. */
    let picked: Set<Session> | undefined
    let again: Share[] | undefined
    for (const match of matches) {
      let { subscriber } = match
      let wanted: Wanted = match
      let isAgain = false
      if (subscriber instanceof SharedGroup) {
        const member = subscriber.next()
        if (member === undefined) continue
        subscriber = member.session
        wanted = { ...member.subscription, ids: idsOf(member.subscription) }
        picked ??= new Set()
        isAgain = picked.has(subscriber) || shares?.some(({ session }) => session === member.session) === true
        picked.add(subscriber)
      } else isAgain = picked?.has(subscriber) === true
      if (subscriber === publisher && match.own !== undefined) {
        if (match.own === 'none') continue
        wanted = match.own
      }
      const qos = lower(walk.qos, wanted.qos)
      const retain = walk.retain && wanted.retainAsPublished
      const ids = subscriber.version === 5 ? wanted.ids : none
      if (qos === 0) {
        if (subscriber.receiver === undefined) continue // nothing waits for who is away at QoS 0
        message ??= this.message(bytes, walk, entry)
        subscriber.receiver.give(message, { qos: 0, retain, isRepeat: false, packetId: 0, ids })
        continue
      }
      if (subscriber.receiver === undefined && !subscriber.isKept) continue
      message ??= this.message(bytes, walk, entry)
      if (isAgain && subscriber.isKept) {
        again ??= []
        again.push({ session: subscriber, qos, retain, ids })
        continue
      }
      if (!this.#keeper.hold(subscriber, message)) {
        this.#counters.queueDropped++
        continue
      }
      shares ??= []
      shares.push({ session: subscriber, qos, retain, ids })
      if (!subscriber.isKept) continue
      targets ??= []
      targets.push({ session: subscriber.number, qos, retain, ids })
    }
    if (message === undefined) return false
    if (shares !== undefined) {
      if (targets !== undefined) this.#keeper.keep(message, targets)
      this.#pending.push({ message, shares })
    }
    if (again !== undefined) for (const share of again) this.#deliverKept(new Message(message), share)
    return shares !== undefined || again !== undefined
  }

  /** A message of its own for a session that is kept: what it has of each is told apart on disk by the message's id. */
  #deliverKept(message: Message, share: Share): void {
    const { session, ...wanted } = share
    if (!this.#keeper.hold(session, message)) {
      this.#counters.queueDropped++
      return
    }
    this.#keeper.keep(message, [{ session: session.number, ...wanted }])
    this.#pending.push({ message, shares: [share] })
  }

  /** Gives one session a message that is retained: at once, or with the commit that holds it for a session that is kept. */
  deliverRetained(session: Session, retained: Message, maxQos: 0 | 1 | 2, given: readonly number[]): void {
    const qos = lower(retained.qos, maxQos)
    const ids = session.version === 5 ? given : none
    if (qos === 0) {
      session.receiver?.give(retained, { qos, retain: true, isRepeat: false, packetId: 0, ids })
      return
    }
    // A message of its own: the retained one has no id in the queues.
    const message = new Message(retained)
    if (session.isKept) {
      this.#deliverKept(message, { session, qos, retain: true, ids })
      return
    }
    if (this.#keeper.hold(session, message))
      session.add({ message, qos, retain: true, ids, packetId: 0, state: 'queued' })
    else this.#counters.queueDropped++
  }

  /** What waits for the commit that is asked for now. */
  takePending(): readonly Pending[] {
    const pending = this.#pending
    if (pending.length > 0) this.#pending = []
    return pending
  }

  /** The commit is on disk. */
  release(pending: readonly Pending[]): void {
    for (const { message, shares } of pending)
      for (const { session, qos, retain, ids } of shares)
        session.add({ message, qos, retain, ids, packetId: 0, state: 'queued' })
  }

  /** The commit failed: its messages never were. */
  drop(pending: readonly Pending[]): void {
    for (const { message, shares } of pending)
      for (const { session } of shares) this.#keeper.release(session, message)
  }
}

const encoder = new TextEncoder()
const none: readonly number[] = []

function lower(published: number, granted: 0 | 1 | 2): 0 | 1 | 2 {
  return published >= granted ? granted : published === 0 ? 0 : 1
}
