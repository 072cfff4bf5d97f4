import type { Clock } from './clock.ts'

/** Seconds that may be spent at once by somebody who was quiet before. */
const burstSeconds = 10

/** What somebody may spend: so many a second, and what was saved up over the last ten seconds at once. */
export class TokenBucket {
  readonly #clock: Clock
  readonly #perSecond: number
  #left: number
  #filledMs: number

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
    this.#left = perSecond * burstSeconds
    this.#filledMs = clock.monotonicMs()
  }

  /** Spends tokens; false where there are not so many, and then none is spent. */
  take(tokens: number): boolean {
    this.#fill()
    if (tokens > this.#left) return false
    this.#left -= tokens
    return true
  }

  /** Spends tokens, on credit where there are not so many; returns in how many ms the debt will be paid. */
  spend(tokens: number): number {
    this.#fill()
    this.#left -= tokens
    return this.#left >= 0 ? 0 : (-this.#left / this.#perSecond) * 1000
  }

  #fill(): void {
    const now = this.#clock.monotonicMs()
    const gained = ((now - this.#filledMs) / 1000) * this.#perSecond
    this.#left = Math.min(this.#perSecond * burstSeconds, this.#left + gained)
    this.#filledMs = now
  }
}
