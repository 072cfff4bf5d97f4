import type { DeadLetter, Intake } from '../../../core/intake.ts'

interface Kept {
  readonly letter: DeadLetter
  readonly sinceMs: number
  /** Refusals since, which have no letter of their own. */
  more: number
}

const windowMs = 60_000
const maxRemembered = 10_000

/**
 * Refusals that the protocol cannot tell the sender (MQTT 3.1.1 has no negative PUBACK): they are acknowledged after a durable
 * record. One letter per client and topic and minute, so that a device that never learns does not fill the dead letters;
 * the others are counted, and their count is kept in a letter when the minute is over.
 */
export class RefusalLetters {
  readonly #kept = new Map<string, Kept>()

  /** @throws SluiceError at the bound of the dead letters. */
  keep(intake: Intake, clientId: string, topic: string, letter: DeadLetter, nowMs: number): void {
    const key = `${clientId}\0${topic}`
    const last = this.#kept.get(key)
    if (last !== undefined && nowMs - last.sinceMs < windowMs) {
      last.more++
      return
    }
    if (last !== undefined) this.#close(intake, key, last)
    else if (this.#kept.size >= maxRemembered) this.#closeOldest(intake)
    intake.reject(letter)
    this.#kept.set(key, { letter: { ...letter, bytes: nothing }, sinceMs: nowMs, more: 0 })
  }

  /** Ends the minutes that are over; true if that added letters. */
  sweep(intake: Intake, nowMs: number): boolean {
    let added = false
    for (const [key, kept] of this.#kept) {
      if (nowMs - kept.sinceMs < windowMs) break // in order of time
      added = this.#close(intake, key, kept) || added
    }
    return added
  }

  #closeOldest(intake: Intake): void {
    for (const [key, kept] of this.#kept) {
      this.#close(intake, key, kept)
      return
    }
  }

  #close(intake: Intake, key: string, kept: Kept): boolean {
    this.#kept.delete(key)
    if (kept.more === 0) return false
    intake.reject({ ...kept.letter, reason: `${kept.letter.reason} (${kept.more} more within a minute)` })
    return true
  }
}

const nothing = new Uint8Array(0)
