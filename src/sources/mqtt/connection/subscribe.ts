import type { ISubscribePacket, IUnsubscribePacket } from 'mqtt-packet'
import type { Authorizer } from '../../../core/authorizer.ts'
import type { MqttConfig } from '../config.ts'
import { write } from '../packets/control-packet.ts'
import type { MqttCounters } from '../counters.ts'
import { reason } from '../packets/reason.ts'
import { type ReplayParts, RetainedReplay } from '../sessions/retained-replay.ts'
import type { Session, Subscription } from '../sessions/session.ts'
import { parseShared } from '../sessions/shared-group.ts'
import type { Subscriptions } from '../sessions/subscriptions.ts'
import { isShared, isTopicFilter } from '../packets/topic.ts'

export interface SubscribeDependencies extends ReplayParts {
  readonly config: MqttConfig
  readonly authorizer: Authorizer
  readonly subscriptions: Subscriptions
  readonly counters: MqttCounters
  readonly maxTopicBytes: number
  readonly isKeeping: boolean
}

/** SUBACK or UNSUBACK to send, once what the session keeps is on disk; or the reason code that ends the connection. */
export function answerSubscriber(
  packet: ISubscribePacket | IUnsubscribePacket,
  session: Session,
  deps: SubscribeDependencies,
): Uint8Array | number {
  const messageId = packet.messageId ?? 0
  const { version } = session
  if (packet.cmd === 'unsubscribe') {
    const granted = packet.unsubscriptions.map((filter) =>
      deps.subscriptions.remove(session, filter) ? 0 : reason.noSubscriptionExisted,
    )
    noteChange(session, deps)
    return write({ cmd: 'unsuback', messageId, granted }, version)
  }
  // MQTT-3.8.3-4
  if (packet.subscriptions.some(({ topic, nl }) => nl === true && isShared(topic)))
    return reason.protocolError
  // By filter: one that stands there twice is one subscription.
  const replayed = new Map<string, Subscription>()
  const granted = packet.subscriptions.map((wanted) => {
    const id = packet.properties?.subscriptionIdentifier
    const code = subscribe(wanted, typeof id === 'number' ? id : 0, session, deps, replayed)
    return code < 0x80 || version === 5 ? code : 0x80
  })
  noteChange(session, deps)
  if (replayed.size > 0) RetainedReplay.start(session, replayed.values(), deps)
  return write({ cmd: 'suback', messageId, granted }, version)
}

/** The granted QoS, or why there is no subscription. */
function subscribe(
  wanted: ISubscribePacket['subscriptions'][number],
  id: number,
  session: Session,
  deps: SubscribeDependencies,
  replayed: Map<string, Subscription>,
): number {
  const { topic, qos, nl: noLocal = false, rap: retainAsPublished = false, rh = 0 } = wanted
  const shared = isShared(topic) ? parseShared(topic) : { share: undefined, filter: topic }
  if (shared === undefined) return reason.topicFilterInvalid
  const refused = refusal(topic, shared.filter, session, deps)
  if (refused !== 0) return refused
  const granted = !deps.isKeeping && qos === 2 ? 1 : qos
  const subscription: Subscription = { ...shared, qos: granted, noLocal, retainAsPublished, id }
  const isNew = deps.subscriptions.add(session, topic, subscription)
  // Retain Handling: 0 always, 1 where the subscription is new, 2 never; never to a group (MQTT 5 §3.8.3.1, §4.8.2).
  if (shared.share === undefined && (rh === 0 || (rh === 1 && isNew))) replayed.set(topic, subscription)
  return granted
}

function refusal(topic: string, filter: string, session: Session, deps: SubscribeDependencies): number {
  const { config } = deps
  if (!isTopicFilter(filter, deps.maxTopicBytes)) return reason.topicFilterInvalid
  if (filter.split('/').length > config.maxTopicLevels) {
    deps.counters.topicTooDeep++
    return reason.quotaExceeded
  }
  const full = session.subscriptions.size >= config.maxSubscriptionsPerConnection
  if (full && !session.subscriptions.has(topic)) {
    deps.counters.tooManyFilters++
    return reason.quotaExceeded
  }
  if (!deps.subscriptions.hasRoom(session, topic, filter)) {
    deps.counters.subscriptionsRefused++
    return reason.quotaExceeded
  }
  if (config.refuseSubscriptions.includes(filter)) return reason.unspecified
  const decision = deps.authorizer.decide(session.principal, 'mqtt', 'subscribe', filter)
  return decision.allowed ? 0 : reason.notAuthorized
}

function noteChange(session: Session, { subscriptions, counters, keeper }: SubscribeDependencies): void {
  counters.subscriptions = subscriptions.count
  if (session.isKept) keeper.session(session)
}
