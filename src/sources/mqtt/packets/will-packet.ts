import { Message } from '../sessions/message.ts'
import { publishPacket } from './publish-packet.ts'
import { varint, varintValue, willProperties } from './publish-properties.ts'
import type { ProtocolVersion } from './reason.ts'

/**
 * The PUBLISH packet that a will is published by, cut out of its CONNECT (MQTT 5 §3.1), which has been checked and has a will:
 *
 *     name u16 n · level u8 · flags u8 · keep-alive u16 · properties varint n · client id u16 n · will: properties varint n · topic u16 n · payload u16 n
 *
 * 3.1.1 has no properties. Those of the will stay as they are, in their order.
 */
export function willPacket(connect: Uint8Array, bodyFrom: number, version: ProtocolVersion): Uint8Array {
  const nameEnd = blockEnd(connect, bodyFrom)
  const flags = connect[nameEnd + 1] ?? 0
  const clientIdFrom = propertiesEnd(connect, nameEnd + 4, version)
  const propertiesFrom = blockEnd(connect, clientIdFrom)
  const topicFrom = propertiesEnd(connect, propertiesFrom, version)
  const payloadFrom = blockEnd(connect, topicFrom)
  const qos = ((flags >> 3) & 3) as 0 | 1 | 2 // the check has refused 3
  const message = new Message({
    topic: connect.subarray(topicFrom + 2, payloadFrom),
    properties: willProperties(connect, propertiesFrom, topicFrom),
    payload: connect.subarray(payloadFrom + 2, blockEnd(connect, payloadFrom)),
    qos,
    expiresAt: Number.POSITIVE_INFINITY, // its Message Expiry Interval, if any, is among the properties
  })
  const packet = publishPacket(message, {
    version,
    qos,
    retain: (flags & 0x20) !== 0,
    isRepeat: false,
    packetId: qos > 0 ? 1 : 0,
    ids: [],
    alias: 0,
    hasTopic: true,
    expirySeconds: undefined,
  })
  return Uint8Array.from(packet) // not a slice of a pool, which it would keep whole
}

function blockEnd(bytes: Uint8Array, at: number): number {
  return at + 2 + (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0))
}

function propertiesEnd(bytes: Uint8Array, at: number, version: ProtocolVersion): number {
  return version === 4 ? at : varint(bytes, at, bytes.length) + varintValue(bytes, at)
}
