import { reason } from './reason.ts'
import { isMqttText } from './utf8.ts'

/** What the gateway itself needs of the properties of a PUBLISH. */
export interface PublishProperties {
  /** 0: none. */
  topicAlias: number
  /** Message Expiry Interval; -1: none. */
  expirySeconds: number
}

/**
 * Checks the properties of a PUBLISH from a client (MQTT 5 §3.3.2.3), `from` being their length. Returns where they end,
 * or a reason code as a negative number. Most values are not kept: subscribers get them as they came (`forwardedProperties`).
 */
export function checkPublishProperties(
  bytes: Uint8Array,
  from: number,
  packetEnd: number,
  found: PublishProperties,
): number {
  let at = varint(bytes, from, packetEnd)
  if (at < 0) return -reason.malformedPacket
  const end = at + varintValue(bytes, from)
  if (end > packetEnd) return -reason.malformedPacket
  let seen = 0
  while (at < end) {
    const id = bytes[at++] as number
    if (id !== userProperty) {
      const bit = id === topicAlias ? 1 : 1 << id
      if (id > 31 ? id !== topicAlias : (bit & known) === 0) return -reason.malformedPacket
      if ((seen & bit) !== 0) return -reason.protocolError
      seen |= bit
    }
    switch (id) {
      case payloadFormat:
        if (at >= end) return -reason.malformedPacket
        if ((bytes[at] as number) > 1) return -reason.protocolError
        at += 1
        break
      case messageExpiry:
        if (end - at < 4) return -reason.malformedPacket
        found.expirySeconds = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
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
      case topicAlias:
        if (end - at < 2) return -reason.malformedPacket
        found.topicAlias = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
        if (found.topicAlias === 0) return -reason.topicAliasInvalid // MQTT-3.3.2-8
        at += 2
        break
      default:
        at = text(bytes, at, end)
        if (at >= 0) at = text(bytes, at, end)
        if (at < 0) return -reason.malformedPacket
    }
  }
  return at === end ? end : -reason.malformedPacket
}

/**
 * The checked properties that a subscriber gets unaltered (MQTT-3.3.2-4, -15 to -20), without their length: a topic alias is of one connection,
 * and what is left of the message's time changes. `from` is their length, `to` their end.
 */
export function forwardedProperties(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return propertiesWithout(perDelivery, bytes, from, to)
}

/** The checked properties of a will that the message has which is published for it (MQTT-3.1.3-10). */
export function willProperties(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return propertiesWithout(ofWillAlone, bytes, from, to)
}

function propertiesWithout(
  dropped: readonly number[],
  bytes: Uint8Array,
  from: number,
  to: number,
): Uint8Array {
  if (to - from < 2) return nothing
  const parts: Uint8Array[] = []
  let at = varint(bytes, from, to)
  let keptFrom = at
  while (at < to) {
    const start = at
    const id = bytes[at++] as number
    if (id === payloadFormat) at += 1
    else if (id === messageExpiry || id === willDelay) at += 4
    else if (id === topicAlias) at += 2
    else {
      at = block(bytes, at, to)
      if (id === userProperty) at = block(bytes, at, to)
    }
    if (!dropped.includes(id)) continue
    parts.push(bytes.subarray(keptFrom, start))
    keptFrom = at
  }
  parts.push(bytes.subarray(keptFrom, to))
  return Uint8Array.from(Buffer.concat(parts)) // a copy of its own: the bytes are a socket's
}

const nothing = new Uint8Array(0)
const payloadFormat = 0x01
const messageExpiry = 0x02
const contentType = 0x03
const responseTopic = 0x08
const correlationData = 0x09
const subscriptionIdentifier = 0x0b
const willDelay = 0x18
const topicAlias = 0x23
const userProperty = 0x26
const perDelivery = [messageExpiry, topicAlias]
const ofWillAlone = [willDelay]
/** A bit per identifier below 32 that a PUBLISH may have. */
const known =
  (1 << payloadFormat) |
  (1 << messageExpiry) |
  (1 << contentType) |
  (1 << responseTopic) |
  (1 << correlationData) |
  (1 << subscriptionIdentifier)

/** End of the variable byte integer at `at`, -1 if it is broken. */
export function varint(bytes: Uint8Array, at: number, end: number): number {
  for (let i = 0; i < 4; i++) {
    if (at + i >= end) return -1
    const byte = bytes[at + i] as number
    if (byte < 128) return byte === 0 && i > 0 ? -1 : at + i + 1 // MQTT-1.5.5-1
  }
  return -1
}

export function varintValue(bytes: Uint8Array, at: number): number {
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
