import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet'
import type { Authorizer } from '../../core/authorizer.ts'
import type { MqttConfig } from './config.ts'
import { write } from './control-packet.ts'
import type { MqttCounters } from './counters.ts'
import type { Subscriber } from './fan-out.ts'
import type { FilterTrie } from './filter-trie.ts'
import { reason } from './reason.ts'
import type { Session } from './session.ts'
import { isShared, isTopicFilter } from './topic.ts'

export interface SubscribeDependencies {
  readonly config: MqttConfig
  readonly authorizer: Authorizer
  readonly trie: FilterTrie<Subscriber>
  readonly counters: MqttCounters
  readonly maxTopicBytes: number
}

/** SUBACK or UNSUBACK to send, or the reason code that ends the connection. */
export function answerSubscriber(
  packet: ISubscribePacket | IUnsubscribePacket,
  session: Session,
  subscriber: Subscriber,
  deps: SubscribeDependencies,
): Uint8Array | number {
  const messageId = packet.messageId ?? 0
  if (messageId === 0) return reason.protocolError // MQTT-2.2.1-3
  if (packet.cmd === 'subscribe') {
    if (packet.subscriptions.length === 0) return reason.protocolError // MQTT-3.8.3-2
    if (packet.properties?.subscriptionIdentifier !== undefined) {
      return reason.subscriptionIdentifiersNotSupported
    }
    const granted = subscribe(packet, session, subscriber, deps)
    return write({ cmd: 'suback', messageId, granted }, session.version)
  }
  if (packet.unsubscriptions.length === 0) return reason.protocolError // MQTT-3.10.3-2
  const granted = unsubscribe(packet, session, subscriber, deps)
  return write({ cmd: 'unsuback', messageId, granted }, session.version)
}

/** Adds the subscriptions; answers a code for each: QoS 0, which is all that is granted, or why not. */
function subscribe(
  packet: ISubscribePacket,
  session: Session,
  subscriber: Subscriber,
  deps: SubscribeDependencies,
): number[] {
  return packet.subscriptions.map(({ topic: filter, nl: noLocal = false }) => {
    const refused = refusal(filter, session, deps)
    if (refused !== 0) return session.version === 5 ? refused : 0x80
    const options = { noLocal }
    session.subscriptions.set(filter, options)
    if (deps.trie.add(filter, subscriber, options)) deps.counters.subscriptions++
    return 0
  })
}

function refusal(filter: string, session: Session, deps: SubscribeDependencies): number {
  if (isShared(filter)) return reason.sharedSubscriptionsNotSupported
  if (!isTopicFilter(filter, deps.maxTopicBytes)) return reason.topicFilterInvalid
  const full = session.subscriptions.size >= deps.config.maxSubscriptionsPerConnection
  if (full && !session.subscriptions.has(filter)) return reason.quotaExceeded
  const decision = deps.authorizer.decide(session.principal, 'mqtt', 'subscribe', filter)
  return decision.allowed ? 0 : reason.notAuthorized
}

/** Removes subscriptions; answers a code for each. */
function unsubscribe(
  packet: IUnsubscribePacket,
  session: Session,
  subscriber: Subscriber,
  deps: SubscribeDependencies,
): number[] {
  return packet.unsubscriptions.map((filter) => {
    if (!session.subscriptions.delete(filter)) return reason.noSubscriptionExisted
    if (deps.trie.remove(filter, subscriber)) deps.counters.subscriptions--
    return 0
  })
}

export function unsubscribeAll(session: Session, subscriber: Subscriber, deps: SubscribeDependencies): void {
  for (const filter of session.subscriptions.keys()) {
    if (deps.trie.remove(filter, subscriber)) deps.counters.subscriptions--
  }
  session.subscriptions.clear()
}
