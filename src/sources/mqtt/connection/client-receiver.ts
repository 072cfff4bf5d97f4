import type { ConnectionTerms } from './connect.ts'
import type { MqttCounters } from '../counters.ts'
import type { Message } from '../sessions/message.ts'
import { pubrel } from './ack-queue.ts'
import type { Outbound } from './outbound.ts'
import { type PublishForm, publishPacket } from '../packets/publish-packet.ts'
import type { Receiver } from '../sessions/session.ts'

export interface ReceiverParts {
  readonly terms: ConnectionTerms
  readonly outbound: Outbound
  readonly counters: Pick<MqttCounters, 'delivered' | 'dropped' | 'tooLargeForClient'>
  /** Most messages in flight, whatever the client allows. */
  readonly maxInFlight: number
  /** Most topic aliases, whatever the client allows. */
  readonly maxAliases: number
  /** µs since 1970. */
  now(): number
}

/** The client of one connection, as it takes messages: its window, its packet size, its topic aliases. */
export class ClientReceiver implements Receiver {
  readonly maxPacketBytes: number
  readonly window: number
  readonly #parts: ReceiverParts
  readonly #version: ConnectionTerms['version']
  readonly #maxAliases: number
  readonly #aliases = new Map<string, number>()

  constructor(parts: ReceiverParts) {
    const { terms, maxInFlight, maxAliases } = parts
    this.#parts = parts
    this.#version = terms.version
    this.maxPacketBytes = terms.maxPacketBytes
    this.window = Math.min(terms.receiveMaximum, maxInFlight)
    this.#maxAliases = Math.min(terms.topicAliasMaximum, maxAliases)
  }

  get isFull(): boolean {
    return this.#parts.outbound.full
  }

  hasRoomFor(bytes: number): boolean {
    return this.#parts.outbound.hasRoomFor(bytes)
  }

  give(message: Message, form: Parameters<Receiver['give']>[1]): boolean {
    const { outbound, counters } = this.#parts
    const version = this.#version
    const expirySeconds = version === 5 ? message.remainingSeconds(this.#parts.now()) : undefined
    if (expirySeconds === 0 && form.qos === 0) return true
    const { alias, isNew } = this.#maxAliases > 0 ? this.#alias(message) : noAlias
    const packet = publishPacket(message, {
      ...form,
      version,
      alias,
      hasTopic: alias === 0 || isNew,
      expirySeconds,
    } satisfies PublishForm)
    if (packet.length > this.maxPacketBytes) {
      counters.tooLargeForClient++
      return false
    }
    if (form.qos === 0 && !outbound.offer(packet)) {
      counters.dropped++
      return true
    }
    if (form.qos > 0) outbound.send(packet)
    if (isNew) this.#aliases.set(message.topicText, alias)
    counters.delivered++
    return true
  }

  sendRelease(packetId: number): void {
    this.#parts.outbound.send(Uint8Array.of(pubrel, 2, packetId >> 8, packetId & 255))
  }

  /** The first topics get an alias each; it is known to the client once a packet with both has been sent. */
  #alias(message: Message): { readonly alias: number; readonly isNew: boolean } {
    const known = this.#aliases.get(message.topicText)
    if (known !== undefined) return { alias: known, isNew: false }
    const next = this.#aliases.size + 1
    return next > this.#maxAliases ? noAlias : { alias: next, isNew: true }
  }
}

const noAlias = { alias: 0, isNew: false } as const
