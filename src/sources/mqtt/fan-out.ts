import { maskTokens } from '../../lib/mask-tokens.ts'
import type { FilterTrie } from './filter-trie.ts'
import type { PacketWalk } from './packet-walk.ts'
import type { ProtocolVersion } from './reason.ts'
import type { TopicEntry } from './topic-cache.ts'

/** Whoever gets messages: a connection today, a session that outlives it later. */
export interface Subscriber {
  readonly version: ProtocolVersion
  /** Takes a whole PUBLISH packet of its version, which it shares with others and must not change. */
  deliver(packet: Uint8Array): void
}

/**
 * Hands a message to its subscribers at QoS 0. The packet is written once per protocol version, however many they are.
 * Properties of an MQTT 5 publisher go on unaltered (MQTT-3.3.2-4, -15 to -20); secrets in the payload of an ingest topic are masked.
 */
export class FanOut {
  readonly trie: FilterTrie<Subscriber>

  constructor(trie: FilterTrie<Subscriber>) {
    this.trie = trie
  }

  deliver(bytes: Uint8Array, walk: PacketWalk, entry: TopicEntry, publisher: Subscriber): void {
    if (entry.matchedVersion !== this.trie.version) {
      entry.matches = this.trie.match(entry.topic)
      entry.matchedVersion = this.trie.version
    }
    if (entry.matches.length === 0) return
    const payload =
      entry.route === undefined
        ? bytes.subarray(walk.payloadFrom, walk.end)
        : maskTokens(bytes, walk.payloadFrom, walk.end)
    const topic = bytes.subarray(walk.topicFrom, walk.topicTo)
    let packet4: Uint8Array | undefined
    let packet5: Uint8Array | undefined
    for (const { subscriber, noLocal } of entry.matches) {
      if (noLocal && subscriber === publisher) continue
      if (subscriber.version === 4) {
        packet4 ??= publishPacket(topic, nothing, payload)
        subscriber.deliver(packet4)
      } else {
        const properties =
          walk.payloadFrom > walk.propertiesFrom
            ? bytes.subarray(walk.propertiesFrom, walk.payloadFrom)
            : noProperties
        packet5 ??= publishPacket(topic, properties, payload)
        subscriber.deliver(packet5)
      }
    }
  }
}

const nothing = new Uint8Array(0)
const noProperties = Uint8Array.of(0)

/** A PUBLISH at QoS 0 without flags; `properties` with their length before them, empty for 3.1.1. */
function publishPacket(topic: Uint8Array, properties: Uint8Array, payload: Uint8Array): Uint8Array {
  const length = 2 + topic.length + properties.length + payload.length
  const lengthBytes = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4
  const packet = Buffer.allocUnsafe(1 + lengthBytes + length)
  packet[0] = 0x30
  let at = 1
  for (let rest = length; at <= lengthBytes; rest >>>= 7) {
    packet[at] = at === lengthBytes ? rest : (rest & 127) | 128
    at++
  }
  packet[at] = topic.length >> 8
  packet[at + 1] = topic.length
  packet.set(topic, at + 2)
  packet.set(properties, at + 2 + topic.length)
  packet.set(payload, at + 2 + topic.length + properties.length)
  return packet
}
