import { randomUUID } from 'node:crypto'
import type { IConnectPacket } from 'mqtt-packet'
import type { Authorizer, Principal } from '../../core/authorizer.ts'
import type { MqttConfig } from './config.ts'
import { parseControl, write } from './control-packet.ts'
import { type ProtocolVersion, reason, returnCode } from './reason.ts'
import type { Session, Will } from './session.ts'
import { topicFault } from './topic.ts'

/** The answer to a CONNECT: a session, or why not. `connack` undefined closes without a word, as 3.1.1 wants where no code fits. */
export type Admission =
  | { readonly session: Session; readonly connack: Uint8Array }
  | { readonly session: undefined; readonly connack: Uint8Array | undefined; readonly why: string }

interface Doorkeeper {
  readonly config: MqttConfig
  readonly authorizer: Authorizer
  readonly maxTopicBytes: number
}

/** Judges the CONNECT packet `bytes`, whole, with its body at `bodyFrom`. */
export function admit(
  bytes: Uint8Array,
  bodyFrom: number,
  remoteAddress: string,
  door: Doorkeeper,
): Admission {
  const version = protocolVersion(bytes, bodyFrom)
  if (typeof version !== 'number') return { session: undefined, ...version }
  const packet = parseControl(bytes, version)
  if ('why' in packet) return refusal(version, packet.reasonCode, undefined, packet.why)
  if (packet.cmd !== 'connect') {
    return refusal(version, reason.protocolError, undefined, 'the first packet is not CONNECT')
  }
  const clientId = packet.clientId === '' ? `sluice-${randomUUID()}` : packet.clientId
  const fault = connectFault(packet, version, door)
  if (fault !== undefined) return refusal(version, ...fault)

  const principal = door.authorizer.anonymous(remoteAddress, false)
  const decision = door.authorizer.decide(principal, 'mqtt', 'connect', clientId)
  if (!decision.allowed) {
    return refusal(version, reason.notAuthorized, returnCode.notAuthorized, decision.reason)
  }
  const will = willOf(packet, version, principal, door)
  if (Array.isArray(will)) return refusal(version, ...will)

  const asked = packet.keepalive ?? 0
  const most = version === 5 ? door.config.maxKeepAliveSeconds : 0
  const keepAlive = most > 0 && (asked === 0 || asked > most) ? most : asked
  const session: Session = {
    clientId,
    version,
    principal,
    keepAliveMs: keepAlive * 1000,
    maxPacketBytes: packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
    will,
    subscriptions: new Map(),
  }
  return { session, connack: acceptance(packet, session, keepAlive, door.config) }
}

type Fault = [reasonCode: number, code: number | undefined, why: string]

/** Reads protocol name and level, so that a version we do not speak gets the answer its own version has. */
function protocolVersion(
  bytes: Uint8Array,
  at: number,
): ProtocolVersion | { connack: Uint8Array | undefined; why: string } {
  const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
  const name = String.fromCharCode(...bytes.subarray(at + 2, at + 2 + Math.min(length, 6)))
  const level = bytes[at + 2 + length] ?? 0
  const why = `MQTT level ${level} is not spoken here`
  if (name === 'MQIsdp') return { connack: connack4(returnCode.unacceptableProtocolVersion), why }
  if (name !== 'MQTT') return { connack: undefined, why: 'the protocol name is not MQTT' }
  if (level === 4 || level === 5) return level
  // Levels above 5 are later versions, but bridges mark 3.1.1 with the high bit and then try again without.
  if (level < 5 || level >= 128) return { connack: connack4(returnCode.unacceptableProtocolVersion), why }
  return { connack: connack5(reason.unsupportedProtocolVersion, why), why }
}

function connectFault(packet: IConnectPacket, version: ProtocolVersion, door: Doorkeeper): Fault | undefined {
  const { properties } = packet
  const unread = 'the flags of CONNECT contradict each other'
  if (version === 4) {
    // MQTT-3.1.2-22: no password without a user name.
    if (packet.password !== undefined && packet.username === undefined)
      return [reason.malformedPacket, undefined, unread]
    if (packet.clientId === '' && packet.clean !== true) {
      const why = 'an empty client id needs a clean session'
      return [reason.clientIdNotValid, returnCode.identifierRejected, why]
    }
  }
  if (Buffer.byteLength(packet.clientId) > door.config.maxClientIdBytes) {
    const why = `the client id is longer than ${door.config.maxClientIdBytes} bytes`
    return [reason.clientIdNotValid, returnCode.identifierRejected, why]
  }
  if (properties?.receiveMaximum === 0 || properties?.maximumPacketSize === 0) {
    return [reason.protocolError, undefined, 'Receive Maximum and Maximum Packet Size are not 0']
  }
  if (properties?.authenticationMethod !== undefined) {
    return [reason.badAuthenticationMethod, undefined, 'enhanced authentication is not offered']
  }
  if (properties?.authenticationData !== undefined) {
    return [reason.protocolError, undefined, 'authentication data without a method']
  }
  return undefined
}

/** The will as it can be honoured: published at once when the connection breaks, never retained. */
function willOf(
  packet: IConnectPacket,
  version: ProtocolVersion,
  principal: Principal,
  door: Doorkeeper,
): Will | undefined | Fault {
  const { will } = packet
  if (will === undefined) return undefined
  const qos: number = will.qos ?? 0
  if (qos > 2) return [reason.malformedPacket, undefined, 'the will has no such QoS']
  // 3.1.1 has no way to say that less is offered: a will of QoS 2 is stored once all the same, for it has no packet id.
  if (qos === 2 && version === 5) return [reason.qosNotSupported, undefined, 'a will of QoS 2 is not offered']
  if (will.retain === true) return [reason.retainNotSupported, undefined, 'retained messages are not offered']
  const topic = Buffer.from(will.topic)
  const fault = topicFault(topic, 0, topic.length, door.maxTopicBytes)
  if (fault !== undefined) return [reason.topicNameInvalid, undefined, `the will's topic is ${fault}`]
  const decision = door.authorizer.decide(principal, 'mqtt', 'publish', will.topic)
  if (!decision.allowed) return [reason.notAuthorized, returnCode.notAuthorized, decision.reason]
  return { topic, payload: Buffer.from(will.payload), qos: qos === 0 ? 0 : 1 }
}

function acceptance(
  packet: IConnectPacket,
  session: Session,
  keepAlive: number,
  config: MqttConfig,
): Uint8Array {
  if (session.version === 4) return connack4(returnCode.accepted)
  return write(
    {
      cmd: 'connack',
      sessionPresent: false,
      reasonCode: 0,
      properties: {
        receiveMaximum: config.receiveMaximum,
        maximumQoS: 1,
        retainAvailable: false,
        maximumPacketSize: config.maxPacketBytes,
        topicAliasMaximum: 0,
        wildcardSubscriptionAvailable: true,
        subscriptionIdentifiersAvailable: false,
        sharedSubscriptionAvailable: false,
        ...(packet.clientId === '' ? { assignedClientIdentifier: session.clientId } : {}),
        ...(keepAlive === (packet.keepalive ?? 0) ? {} : { serverKeepAlive: keepAlive }),
        ...((packet.properties?.sessionExpiryInterval ?? 0) > 0 ? { sessionExpiryInterval: 0 } : {}),
      },
    },
    5,
  )
}

function refusal(
  version: ProtocolVersion,
  reasonCode: number,
  code: number | undefined,
  why: string,
): Admission {
  const connack = version === 5 ? connack5(reasonCode, why) : code === undefined ? undefined : connack4(code)
  return { session: undefined, connack, why }
}

function connack4(code: number): Uint8Array {
  return Uint8Array.of(0x20, 2, 0, code)
}

function connack5(reasonCode: number, why: string): Uint8Array {
  return write({ cmd: 'connack', sessionPresent: false, reasonCode, properties: { reasonString: why } }, 5)
}
