import type { Clock } from '../lib/clock.ts'

/** So many records a second; what could not be sent for a while is made up for up to a second's worth. */
export class Pace {
  readonly #clock: Clock
  readonly #perSecond: number
  #left: number
  #filledMs: number

  /** @param left What may be sent at once: paces that begin together with parts of one record take turns. */
  constructor(clock: Clock, perSecond: number, left = 0) {
    this.#left = left
    this.#clock = clock
    this.#perSecond = perSecond
    this.#filledMs = clock.monotonicMs()
  }

  /** Whether one more may be sent now; then it counts as sent. */
  take(): boolean {
    const now = this.#clock.monotonicMs()
    const most = Math.max(1, this.#perSecond)
    this.#left = Math.min(most, this.#left + ((now - this.#filledMs) / 1000) * this.#perSecond)
    this.#filledMs = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
