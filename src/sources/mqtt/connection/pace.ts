import type { Clock } from '../../../lib/clock.ts'
import { TokenBucket } from '../../../lib/token-bucket.ts'
import type { MqttCounters } from '../counters.ts'
import type { ReadGate } from './read-gate.ts'

/** Slows a client that sends faster than it may: what it sent is taken, and more is read later. */
export class Pace {
  readonly #reading: ReadGate
  readonly #clock: Clock
  readonly #counters: Pick<MqttCounters, 'slowed'>
  readonly #bucket: TokenBucket | undefined
  #readAgainMs = 0

  /** `perSecond` 0 is no bound. */
  constructor(reading: ReadGate, clock: Clock, counters: Pick<MqttCounters, 'slowed'>, perSecond: number) {
    this.#reading = reading
    this.#clock = clock
    this.#counters = counters
    this.#bucket = perSecond === 0 ? undefined : new TokenBucket(clock, perSecond)
  }

  sent(messages: number): void {
    const debtMs = this.#bucket?.spend(messages) ?? 0
    if (debtMs === 0) return
    this.#counters.slowed++
    this.#readAgainMs = this.#clock.monotonicMs() + debtMs
    this.#reading.pause('rate')
  }

  /** Whether it is time to read again. */
  isOver(nowMs: number): boolean {
    return this.#reading.isPausedBy('rate') && nowMs >= this.#readAgainMs
  }
}
