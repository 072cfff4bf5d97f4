import { reason } from './reason.ts'
import { isMqttText } from './utf8.ts'

/**
 * Checks the properties of a PUBLISH from a client (MQTT 5 §3.3.2.3), `from` being their length. Returns where they end,
 * or a reason code as a negative number. Their values are not kept: subscribers get the block as it came.
 */
export function checkPublishProperties(bytes: Uint8Array, from: number, packetEnd: number): number {
  let at = varint(bytes, from, packetEnd)
  if (at < 0) return -reason.malformedPacket
  const end = at + varintValue(bytes, from)
  if (end > packetEnd) return -reason.malformedPacket
  let seen = 0
  while (at < end) {
    const id = bytes[at++] as number
    if (id !== userProperty) {
      if (id > 31 ? id !== topicAlias : ((1 << id) & known) === 0) return -reason.malformedPacket
      if (id < 32 && (seen & (1 << id)) !== 0) return -reason.protocolError
      seen |= id < 32 ? 1 << id : 0
    }
    switch (id) {
      case payloadFormat:
        if (at >= end) return -reason.malformedPacket
        if ((bytes[at] as number) > 1) return -reason.protocolError
        at += 1
        break
      case messageExpiry:
        at += 4
        break
      case contentType:
      case responseTopic: {
        const next = text(bytes, at, end)
        if (next < 0) return -reason.malformedPacket
        if (id === responseTopic && hasWildcard(bytes, at + 2, next)) return -reason.protocolError
        at = next
        break
      }
      case correlationData:
        at = block(bytes, at, end)
        if (at < 0) return -reason.malformedPacket
        break
      case subscriptionIdentifier: // MQTT-3.3.4-6: only a server sends it in a PUBLISH
        return -reason.protocolError
      case topicAlias: // Topic Alias Maximum is 0
        return -reason.topicAliasInvalid
      default:
        at = text(bytes, at, end)
        if (at >= 0) at = text(bytes, at, end)
        if (at < 0) return -reason.malformedPacket
    }
  }
  return at === end ? end : -reason.malformedPacket
}

const payloadFormat = 0x01
const messageExpiry = 0x02
const contentType = 0x03
const responseTopic = 0x08
const correlationData = 0x09
const subscriptionIdentifier = 0x0b
const topicAlias = 0x23
const userProperty = 0x26
/** A bit per identifier below 32 that a PUBLISH may have. */
const known =
  (1 << payloadFormat) |
  (1 << messageExpiry) |
  (1 << contentType) |
  (1 << responseTopic) |
  (1 << correlationData) |
  (1 << subscriptionIdentifier)

/** End of the variable byte integer at `at`, -1 if it is broken. */
function varint(bytes: Uint8Array, at: number, end: number): number {
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return -1
    const byte = bytes[at + i] as number
    if (byte < 128) return byte === 0 && i > 0 ? -1 : at + i + 1 // MQTT-1.5.5-1
  }
  return -1
}

function varintValue(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++] as number
    value |= (byte & 127) << shift
    if (byte < 128) return value
  }
}

/** End of the length-prefixed block at `at`, -1 if it does not fit. */
function block(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < 2) return -1
  const to = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number))
  return to > end ? -1 : to
}

function text(bytes: Uint8Array, at: number, end: number): number {
  const to = block(bytes, at, end)
  return to >= 0 && isMqttText(bytes, at + 2, to) ? to : -1
}

function hasWildcard(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === 0x2b || bytes[i] === 0x23) return true
  return false
}
