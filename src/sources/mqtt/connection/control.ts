import { type AckQueue, puback, pubcomp, pubrec, pubrel } from './ack-queue.ts'
import { parseControl, pingResponse } from '../packets/control-packet.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { type ProtocolVersion, reason } from '../packets/reason.ts'
import type { Session } from '../sessions/session.ts'
import { answerSubscriber } from './subscribe.ts'

/** The open connection that a packet came by. */
export interface ControlHost {
  readonly gateway: GatewayContext
  readonly acks: AckQueue
  readonly session: Session
  readonly version: ProtocolVersion
  /** Sends a packet at once, before answers that wait. */
  reply(packet: Uint8Array): void
  close(reasonCode: number | undefined, why: string): void
  broken(reasonCode: number, why: string): void
}

/** Takes one whole packet of a client that is neither CONNECT nor PUBLISH. */
export function takeControl(bytes: Uint8Array, host: ControlHost): void {
  if (bytes[0] === 0xc0 && bytes.length === 2) {
    host.reply(pingResponse)
    return
  }
  // By far the most: no reason code, no properties.
  const packetId = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  if (bytes.length === 4 && packetId > 0 && takeAnswer(bytes[0] ?? 0, packetId, 0, host)) return
  const packet = parseControl(bytes, host.version)
  if ('why' in packet) {
    host.broken(packet.reasonCode, packet.why)
    return
  }
  switch (packet.cmd) {
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      takeAnswer((bytes[0] ?? 0) & 0xff, packet.messageId ?? 0, packet.reasonCode ?? 0, host)
      break
    case 'subscribe':
    case 'unsubscribe': {
      const answer = answerSubscriber(packet, host.session, host.gateway)
      if (typeof answer === 'number') host.broken(answer, `${packet.cmd} asks for what cannot be`)
      else host.acks.send(answer, host.session.isKept)
      break
    }
    case 'disconnect':
      takeDisconnect(packet.reasonCode ?? 0, packet.properties?.sessionExpiryInterval, host)
      break
    default:
      // AUTH among them: CONNECT agreed on no method (MQTT-4.12.0-7).
      host.broken(reason.protocolError, `${packet.cmd} does not belong here`)
  }
}

/** Acknowledgements, of both directions; false for a packet that is none. */
function takeAnswer(header: number, packetId: number, reasonCode: number, host: ControlHost): boolean {
  const { session, acks, gateway } = host
  switch (header) {
    case puback:
      session.acknowledged(packetId)
      return true
    case pubrec:
      if (reasonCode >= 0x80) session.completed(packetId)
      else if (!session.received(packetId)) unknown(pubrel, packetId, host)
      else if (session.isKept) acks.answer(pubrel, packetId)
      else acks.send(fourBytes(pubrel, packetId), false)
      return true
    case pubrel:
      if (!session.incoming.delete(packetId)) unknown(pubcomp, packetId, host)
      else if (session.isKept) {
        // The client uses the id again: were it forgotten that it is free, that message would be taken for this one.
        gateway.keeper.incoming(session)
        acks.answer(pubcomp, packetId)
      } else acks.send(fourBytes(pubcomp, packetId), false)
      return true
    case pubcomp:
      session.completed(packetId)
      return true
    default:
      return false
  }
}

/**
 * MQTT 5 says that the id was not found; 3.1.1 has no word for it. The client uses the id again from then on, so a PUBCOMP waits, too: that
 * the id is free may not have been written yet, and a message with it would be taken for the one before after a restart.
 */
function unknown(header: number, packetId: number, { session, acks, version }: ControlHost): void {
  const packet =
    version === 5
      ? Uint8Array.of(header, 3, packetId >> 8, packetId & 255, reason.packetIdentifierNotFound)
      : fourBytes(header, packetId)
  acks.send(packet, header === pubcomp && session.isKept)
}

function fourBytes(header: number, packetId: number): Uint8Array {
  return Uint8Array.of(header, 2, packetId >> 8, packetId & 255)
}

function takeDisconnect(reasonCode: number, expirySeconds: number | undefined, host: ControlHost): void {
  const { session, gateway } = host
  if (expirySeconds !== undefined && gateway.isKeeping) {
    // MQTT-3.1.2-23: a session that was to end with its connection cannot be kept any more.
    if (expirySeconds > 0 && !session.isKept) {
      host.broken(reason.protocolError, 'a session that ends cannot be given a longer life')
      return
    }
    session.expirySeconds = Math.min(expirySeconds, gateway.config.maxSessionExpirySeconds)
  }
  if (reasonCode !== reason.disconnectWithWill) session.will = undefined
  host.close(undefined, 'the client disconnected')
}
