import type { Message } from '../sessions/message.ts'
import type { ProtocolVersion } from './reason.ts'

/** How one subscriber gets a message. */
export interface PublishForm {
  readonly version: ProtocolVersion
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly isRepeat: boolean
  /** 0 at QoS 0. */
  readonly packetId: number
  /** Subscription Identifiers, MQTT 5. */
  readonly ids: readonly number[]
  /** Topic Alias, 0 is none; without topic it stands for one that the client knows already. */
  readonly alias: number
  readonly hasTopic: boolean
  /** Of Message Expiry Interval; undefined is none. */
  readonly expirySeconds: number | undefined
}

const dup = 0x08

/**
 * The packet that tells a subscriber of the message. Written once for all who get it in the same form; each has a copy with its own
 * packet id, and at QoS 0 all share the bytes.
 */
export function publishPacket(message: Message, form: PublishForm): Uint8Array {
  const isCommon = form.ids.length === 0 && form.alias === 0 && form.expirySeconds === undefined
  if (!isCommon) return encode(message, form)
  const key = form.version * 8 + form.qos * 2 + (form.retain ? 1 : 0)
  let common = message.packets?.get(key)
  if (common === undefined) {
    common = encode(message, { ...form, isRepeat: false, packetId: 0 })
    message.packets ??= new Map()
    message.packets.set(key, common)
  }
  if (form.qos === 0) return common
  const packet = Buffer.allocUnsafe(common.length)
  packet.set(common)
  if (form.isRepeat) packet[0] = (packet[0] as number) | dup
  const at = headerBytes(common) + 2 + message.topic.length
  packet[at] = form.packetId >> 8
  packet[at + 1] = form.packetId
  return packet
}

function encode(message: Message, form: PublishForm): Uint8Array {
  const topic = form.hasTopic ? message.topic : nothing
  const extra = form.version === 5 ? extraProperties(form) : nothing
  const own = form.version === 5 ? message.properties : nothing
  const propertyBytes = extra.length + own.length
  const prefix = form.version === 5 ? varintBytes(propertyBytes) : 0
  const idBytes = form.qos === 0 ? 0 : 2
  const length = 2 + topic.length + idBytes + prefix + propertyBytes + message.payload.length
  const packet = Buffer.allocUnsafe(1 + varintBytes(length) + length)
  packet[0] = 0x30 | (form.isRepeat ? dup : 0) | (form.qos << 1) | (form.retain ? 1 : 0)
  let at = putVarint(packet, 1, length)
  packet[at++] = topic.length >> 8
  packet[at++] = topic.length
  packet.set(topic, at)
  at += topic.length
  if (idBytes > 0) {
    packet[at++] = form.packetId >> 8
    packet[at++] = form.packetId
  }
  if (form.version === 5) {
    at = putVarint(packet, at, propertyBytes)
    packet.set(extra, at)
    packet.set(own, at + extra.length)
    at += propertyBytes
  }
  packet.set(message.payload, at)
  return packet
}

/** The properties that are the subscriber's own or change with time. */
function extraProperties({ ids, alias, expirySeconds }: PublishForm): Uint8Array {
  const bytes: number[] = []
  if (expirySeconds !== undefined) {
    bytes.push(0x02, expirySeconds >>> 24, (expirySeconds >> 16) & 255, (expirySeconds >> 8) & 255)
    bytes.push(expirySeconds & 255)
  }
  if (alias > 0) bytes.push(0x23, alias >> 8, alias & 255)
  for (const id of ids) {
    bytes.push(0x0b)
    for (let rest = id; ; rest >>>= 7) {
      if (rest < 128) {
        bytes.push(rest)
        break
      }
      bytes.push((rest & 127) | 128)
    }
  }
  return Uint8Array.from(bytes)
}

/** Bytes before the body of a packet. */
function headerBytes(packet: Uint8Array): number {
  let at = 1
  while ((packet[at] as number) > 127) at++
  return at + 1
}

function varintBytes(value: number): number {
  return value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4
}

/** Returns where the next byte goes. */
function putVarint(packet: Uint8Array, at: number, value: number): number {
  let rest = value
  while (rest > 127) {
    packet[at++] = (rest & 127) | 128
    rest >>>= 7
  }
  packet[at] = rest
  return at + 1
}

const nothing = new Uint8Array(0)
