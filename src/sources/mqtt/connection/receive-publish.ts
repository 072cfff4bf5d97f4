// hot: bench/mqtt-to-log
import type { AckQueue } from './ack-queue.ts'
import type { GatewayContext } from '../gateway-context.ts'
import type { Publisher } from '../publish/publisher.ts'
import { type ProtocolVersion, reason } from '../packets/reason.ts'

/** The open connection that a PUBLISH came by. */
export interface PublishHost extends Publisher {
  readonly gateway: GatewayContext
  readonly acks: AckQueue
  readonly version: ProtocolVersion
  close(reasonCode: number | undefined, why: string): void
  broken(reasonCode: number, why: string): void
  notOffered(reasonCode: number): void
}

/** Takes the PUBLISH that the gateway's walk stands on, and writes its answer. Returns its QoS. */
export function takePublish(bytes: Uint8Array, host: PublishHost): number {
  const { gateway, session, acks, version } = host
  const { walk, publishes, counters, config, isKeeping, keeper } = gateway
  const { qos, packetId } = walk
  if (!isKeeping) {
    // 3.1.1 cannot be told that nothing is retained, and sensors set the flag on readings.
    const lacking = qos > 1 ? reason.qosNotSupported : reason.retainNotSupported
    if (qos > 1 || (walk.retain && version === 5)) {
      host.notOffered(lacking)
      return qos
    }
    walk.retain = false
  }
  if (qos === 2 && session.incoming.has(packetId)) {
    counters.repeatedQos2++
    const fault = publishes.establishAlias(bytes, walk, host)
    if (fault < 0) host.broken(-fault, topicWords(-fault))
    else acks.receive(packetId, false)
    return qos
  }
  const outcome = publishes.take(bytes, walk, host)
  if (qos === 0) counters.publishesQos0++
  else {
    if (qos === 1) {
      counters.publishesQos1++
      if (outcome === 0) acks.take(packetId)
    } else {
      counters.publishesQos2++
      if (outcome === 0) {
        session.incoming.add(packetId)
        if (session.isKept) keeper.incoming(session)
        acks.receive(packetId, true)
      }
    }
    if (outcome > 0 && version === 5) acks.refuse(qos, packetId, outcome)
    else if (outcome > 0) host.close(undefined, 'a message was refused, which MQTT 3.1.1 cannot say')
    if (version === 5 && acks.unanswered + session.incoming.size > config.receiveMaximum) {
      counters.receiveMaximumExceeded++
      host.close(reason.receiveMaximumExceeded, 'more messages unacknowledged than Receive Maximum')
    }
  }
  if (outcome < 0) host.broken(-outcome, topicWords(-outcome))
  return qos
}

/** The commit of QoS 2 messages failed: their sender sends them again, and they must be taken then. */
export function forgetReceived(packetIds: readonly number[], host: PublishHost, reasonCode: number): void {
  if (packetIds.length === 0) return
  const { session, gateway } = host
  for (const packetId of packetIds) session.incoming.delete(packetId)
  if (session.isKept) gateway.keeper.incoming(session)
  // A connection that came since may have taken one of them for a repeat: it must not be answered.
  const owner = gateway.clients.get(session.clientId)
  if (owner !== host) owner?.close(reasonCode, 'a message could not be stored')
}

/** What the reason code of a topic that ends its connection says. */
function topicWords(reasonCode: number): string {
  switch (reasonCode) {
    case reason.topicAliasInvalid:
      return 'the topic alias is above the Topic Alias Maximum'
    case reason.protocolError:
      return 'there is no topic, nor a topic alias that stands for one'
    case reason.topicNameInvalid:
      return 'the topic has a wildcard'
    default:
      return 'the topic is not UTF-8 as MQTT has it'
  }
}
