import { randomUUID } from 'node:crypto'
import type { IConnectPacket } from 'mqtt-packet'
import type { Authorizer, Principal } from '../../../core/authorizer.ts'
import type { MqttConfig } from '../config.ts'
import type { MqttCounters } from '../counters.ts'
import { parseControl, write } from '../packets/control-packet.ts'
import { type ProtocolVersion, reason, returnCode } from '../packets/reason.ts'
import { type Will, willBytes } from '../sessions/session.ts'
import { topicFault } from '../packets/topic.ts'
import { willPacket } from '../packets/will-packet.ts'

/** What a CONNECT and its answer agreed for this connection. */
export interface ConnectionTerms {
  readonly clientId: string
  readonly version: ProtocolVersion
  readonly principal: Principal
  /** 0: none. */
  readonly keepAliveMs: number
  /** The largest packet the client takes. */
  readonly maxPacketBytes: number
  /** Most QoS 1 and 2 messages that the client takes at once. */
  readonly receiveMaximum: number
  /** Topic aliases that we may use towards the client. */
  readonly topicAliasMaximum: number
  /** Session Expiry Interval; 0: the session ends with the connection. */
  readonly expirySeconds: number
  readonly isClean: boolean
  readonly will: Will | undefined
  /** CONNACK, once it is known whether a session was there. */
  connack(isPresent: boolean): Uint8Array
}

/** The answer to a CONNECT: terms, or why not. `connack` undefined closes without a word, as 3.1.1 wants where no code fits. */
export type Admission =
  | { readonly terms: ConnectionTerms }
  | { readonly terms: undefined; readonly connack: Uint8Array | undefined; readonly why: string }

interface Doorkeeper {
  readonly config: MqttConfig
  readonly authorizer: Authorizer
  readonly maxTopicBytes: number
  readonly counters: Pick<
    MqttCounters,
    'clientIdTooLong' | 'tooManySessions' | 'topicTooDeep' | 'willsRefused'
  >
  /** Sessions, retained messages and QoS 2 are offered: there is a place that keeps them. */
  readonly isKeeping: boolean
  /** Whether a session more may be there. */
  hasRoomFor(clientId: string): boolean
  /** Whether so many bytes of a will of its client may be kept. */
  hasRoomForWill(clientId: string, bytes: number): boolean
}

/** Judges the CONNECT packet `bytes`, whole, with its body at `bodyFrom`. */
export function admit(
  bytes: Uint8Array,
  bodyFrom: number,
  remoteAddress: string,
  door: Doorkeeper,
): Admission {
  const version = protocolVersion(bytes, bodyFrom)
  if (typeof version !== 'number') return { terms: undefined, ...version }
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
  const will = willOf(packet, bytes, bodyFrom, version, principal, door)
  if (Array.isArray(will)) return refusal(version, ...will)
  if (!door.hasRoomFor(clientId)) {
    door.counters.tooManySessions++
    const why = `there are ${door.config.maxSessions} sessions already (mqtt.maxSessions)`
    return refusal(version, reason.quotaExceeded, returnCode.serverUnavailable, why)
  }
  if (!door.hasRoomForWill(clientId, willBytes(will))) {
    door.counters.willsRefused++
    const why = 'there are too many wills already (mqtt.maxWillBytes)'
    return refusal(version, reason.quotaExceeded, returnCode.serverUnavailable, why)
  }

  const asked = packet.keepalive ?? 0
  const most = version === 5 ? door.config.maxKeepAliveSeconds : 0
  const keepAlive = most > 0 && (asked === 0 || asked > most) ? most : asked
  const expirySeconds = expiryOf(packet, version, door)
  const { properties } = packet
  return {
    terms: {
      clientId,
      version,
      principal,
      keepAliveMs: keepAlive * 1000,
      maxPacketBytes: properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY,
      receiveMaximum: properties?.receiveMaximum ?? 65_535,
      topicAliasMaximum: properties?.topicAliasMaximum ?? 0,
      expirySeconds,
      isClean: packet.clean !== false,
      will,
      connack: (isPresent) =>
        version === 4
          ? connack4(returnCode.accepted, isPresent)
          : acceptance(packet, { clientId, keepAlive, expirySeconds, isPresent }, door),
    },
  }
}

/** How long the session may live without its client: 3.1.1 knows only for ever and not at all. */
function expiryOf(packet: IConnectPacket, version: ProtocolVersion, door: Doorkeeper): number {
  if (!door.isKeeping) return 0
  const asked =
    version === 5
      ? (packet.properties?.sessionExpiryInterval ?? 0)
      : packet.clean === false
        ? Number.POSITIVE_INFINITY
        : 0
  return Math.min(asked, door.config.maxSessionExpirySeconds)
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
    door.counters.clientIdTooLong++
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

/** The will as the packet that publishes it. */
function willOf(
  packet: IConnectPacket,
  bytes: Uint8Array,
  bodyFrom: number,
  version: ProtocolVersion,
  principal: Principal,
  door: Doorkeeper,
): Will | undefined | Fault {
  const { will } = packet
  if (will === undefined) return undefined
  const qos = will.qos ?? 0
  // 3.1.1 has no way to say that less is offered: a will of QoS 2 is stored once all the same, for it has no packet id.
  if (qos === 2 && version === 5 && !door.isKeeping)
    return [reason.qosNotSupported, undefined, 'a will of QoS 2 is not offered']
  if (will.retain === true && !door.isKeeping)
    return [reason.retainNotSupported, undefined, 'retained messages are not offered']
  const topic = Buffer.from(will.topic)
  const fault = topicFault(topic, 0, topic.length, door.maxTopicBytes)
  if (fault !== undefined) return [reason.topicNameInvalid, undefined, `the will's topic is ${fault}`]
  if (will.topic.split('/').length > door.config.maxTopicLevels) {
    door.counters.topicTooDeep++
    const why = `the will's topic has more than ${door.config.maxTopicLevels} levels`
    return [reason.topicNameInvalid, returnCode.serverUnavailable, why]
  }
  const decision = door.authorizer.decide(principal, 'mqtt', 'publish', will.topic)
  if (!decision.allowed) return [reason.notAuthorized, returnCode.notAuthorized, decision.reason]
  return {
    packet: willPacket(bytes, bodyFrom, version),
    version,
    delaySeconds: will.properties?.willDelayInterval ?? 0,
  }
}

function acceptance(
  packet: IConnectPacket,
  agreed: { clientId: string; keepAlive: number; expirySeconds: number; isPresent: boolean },
  { config, isKeeping }: Doorkeeper,
): Uint8Array {
  const { clientId, keepAlive, expirySeconds, isPresent } = agreed
  const asked = packet.properties?.sessionExpiryInterval ?? 0
  return write(
    {
      cmd: 'connack',
      sessionPresent: isPresent,
      reasonCode: 0,
      properties: {
        receiveMaximum: config.receiveMaximum,
        // Absent means that everything is offered.
        ...(isKeeping ? {} : { maximumQoS: 1, retainAvailable: false }),
        maximumPacketSize: config.maxPacketBytes,
        topicAliasMaximum: config.topicAliasMaximum,
        ...(packet.clientId === '' ? { assignedClientIdentifier: clientId } : {}),
        ...(keepAlive === (packet.keepalive ?? 0) ? {} : { serverKeepAlive: keepAlive }),
        ...(asked === expirySeconds ? {} : { sessionExpiryInterval: expirySeconds }),
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
  return { terms: undefined, connack, why }
}

function connack4(code: number, isPresent = false): Uint8Array {
  return Uint8Array.of(0x20, 2, isPresent ? 1 : 0, code)
}

function connack5(reasonCode: number, why: string): Uint8Array {
  return write({ cmd: 'connack', sessionPresent: false, reasonCode, properties: { reasonString: why } }, 5)
}
