import { Message } from './message.ts'

/** A session that a message is for, and how it gets it. */
export interface Target {
  readonly session: number
  readonly qos: 1 | 2
  readonly retain: boolean
  readonly ids: readonly number[]
}

/**
 * A message as it stands in the stream `messages`. Little-endian:
 *
 *   0  u8   version (1)
 *   1  u8   QoS as published
 *   2  u16  bytes of the topic
 *   4  u32  bytes of the properties
 *   8  f64  expires at, µs since 1970; Infinity
 *  16  u32  targets
 *  20  targets: session u32 · QoS u8 · retain u8 · ids u16 · id u32 each
 *      topic · properties · payload
 */
const version = 1
const headBytes = 20

/** `expiresAt` is the message's as the wall clock has it. */
export function encodeMessage(
  message: Message,
  targets: readonly Target[],
  expiresAt = message.expiresAt,
): Uint8Array {
  const { topic, properties, payload } = message
  let length = headBytes + topic.length + properties.length + payload.length
  for (const { ids } of targets) length += 8 + 4 * ids.length
  const bytes = Buffer.alloc(length)
  bytes[0] = version
  bytes[1] = message.qos
  bytes.writeUInt16LE(topic.length, 2)
  bytes.writeUInt32LE(properties.length, 4)
  bytes.writeDoubleLE(expiresAt, 8)
  bytes.writeUInt32LE(targets.length, 16)
  let at = headBytes
  for (const { session, qos, retain, ids } of targets) {
    bytes.writeUInt32LE(session, at)
    bytes[at + 4] = qos
    bytes[at + 5] = retain ? 1 : 0
    bytes.writeUInt16LE(ids.length, at + 6)
    at += 8
    for (const id of ids) at = bytes.writeUInt32LE(id, at)
  }
  for (const part of [topic, properties, payload]) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/** Undefined for a record of a newer program, or none of ours. */
export function decodeMessage(
  record: Uint8Array,
): { readonly message: Message; readonly targets: readonly Target[] } | undefined {
  const bytes = Buffer.from(record)
  if (bytes.length < headBytes || bytes[0] !== version) return undefined
  const qos = asQos(bytes[1])
  const topicBytes = bytes.readUInt16LE(2)
  const propertyBytes = bytes.readUInt32LE(4)
  const targets: Target[] = []
  let at = headBytes
  for (let left = bytes.readUInt32LE(16); left > 0; left--) {
    if (at + 8 > bytes.length) return undefined
    const session = bytes.readUInt32LE(at)
    const qos = asQos(bytes[at + 4])
    const retain = bytes[at + 5] === 1
    const idsTo = at + 8 + 4 * bytes.readUInt16LE(at + 6)
    if (qos === undefined || qos === 0 || idsTo > bytes.length) return undefined
    const ids: number[] = []
    for (at += 8; at < idsTo; at += 4) ids.push(bytes.readUInt32LE(at))
    targets.push({ session, qos, retain, ids })
  }
  const payloadFrom = at + topicBytes + propertyBytes
  if (qos === undefined || payloadFrom > bytes.length) return undefined
  const message = new Message({
    topic: bytes.subarray(at, at + topicBytes),
    properties: bytes.subarray(at + topicBytes, payloadFrom),
    payload: bytes.subarray(payloadFrom),
    qos,
    expiresAt: bytes.readDoubleLE(8),
  })
  return { message, targets }
}

function asQos(byte: number | undefined): 0 | 1 | 2 | undefined {
  return byte === 0 || byte === 1 || byte === 2 ? byte : undefined
}
