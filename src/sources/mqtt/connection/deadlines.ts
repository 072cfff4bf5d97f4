import type { MqttConfig } from '../config.ts'
import type { MqttCounters } from '../counters.ts'
import { reason } from '../packets/reason.ts'

/** What comes of being late: what is counted, and what an open connection is told. Without words the wire goes at once. */
export interface Lateness {
  readonly counter?: keyof MqttCounters
  readonly reasonCode?: number
  readonly why?: string
}

/** A connection at the time of a look. */
export interface Progress {
  readonly state: 'waiting' | 'admitted' | 'open' | 'closing' | 'closed'
  readonly stalledMs: number
  /** We do not read from it: it is not held to what it cannot show. */
  readonly isPaused: boolean
  /** Which of its packets is unfinished, and which of its WebSocket frames; 0: none. */
  readonly packet: number
  readonly frame: number
}

/** What one connection is held to by the clock. Somebody looks several times a second. */
export class Deadlines {
  /** When its last bytes came. */
  receivedMs: number
  /** 0: none. */
  keepAliveMs = 0
  readonly #limits: Pick<MqttConfig, 'stallMs' | 'drainMs' | 'packetTimeoutMs'>
  readonly #connectByMs: number
  #closeByMs = 0
  readonly #packet = new Unfinished()
  readonly #frame = new Unfinished()

  constructor(nowMs: number, limits: MqttConfig) {
    this.receivedMs = nowMs
    this.#limits = limits
    this.#connectByMs = nowMs + limits.connectTimeoutMs
  }

  /** It closes from now on. */
  closes(nowMs: number): void {
    this.#closeByMs = nowMs + this.#limits.drainMs
  }

  late(nowMs: number, { state, stalledMs, isPaused, packet, frame }: Progress): Lateness | undefined {
    const { stallMs, packetTimeoutMs } = this.#limits
    const packetMs = Math.max(
      this.#packet.ageMs(packet, nowMs, isPaused),
      this.#frame.ageMs(frame, nowMs, isPaused),
    )
    if (stalledMs > stallMs) return stalled
    if (state === 'closing') return nowMs > this.#closeByMs ? unfinishedDrain : undefined
    if (state === 'waiting') return nowMs > this.#connectByMs ? noConnect : undefined
    if (state !== 'open' || isPaused) return undefined
    const silentMs = nowMs - this.receivedMs
    if (this.keepAliveMs > 0 && silentMs > this.keepAliveMs * 1.5) return silent // MQTT-3.1.2-22
    return packetMs > packetTimeoutMs ? slowPacket : undefined
  }
}

/** For how long the same thing is unfinished, apart from the time in which nothing of it is read. */
class Unfinished {
  #number = 0
  #ageMs = 0
  #seenMs = 0

  ageMs(number: number, nowMs: number, isPaused: boolean): number {
    if (number === 0 || number !== this.#number) this.#ageMs = 0
    else if (!isPaused) this.#ageMs += nowMs - this.#seenMs
    this.#number = number
    this.#seenMs = nowMs
    return this.#ageMs
  }
}

const stalled: Lateness = { counter: 'slowSubscribersClosed' }
const unfinishedDrain: Lateness = {}
const noConnect: Lateness = { counter: 'connectTooLate', why: 'no CONNECT in time' }
const silent: Lateness = {
  counter: 'keepAliveTimeouts',
  reasonCode: reason.keepAliveTimeout,
  why: 'keep-alive timeout',
}
const slowPacket: Lateness = {
  counter: 'packetTooLate',
  reasonCode: reason.implementationSpecific,
  why: 'a packet took too long to come whole',
}
