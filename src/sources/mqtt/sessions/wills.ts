import type { Session, Will } from './session.ts'

/** Wills of clients that are gone and may come back in time. */
export class Wills {
  /** ms of a clock that only goes forward. */
  readonly #due = new Map<Session, number>()

  schedule(session: Session, dueMs: number): void {
    this.#due.set(session, dueMs)
  }

  /** The client is back, or the session has ended. */
  cancel(session: Session): void {
    this.#due.delete(session)
  }

  /** Sessions whose will is to be published now. */
  takeDue(nowMs: number): Session[] {
    if (this.#due.size === 0) return []
    const due = [...this.#due].filter(([, ms]) => ms <= nowMs).map(([session]) => session)
    for (const session of due) this.#due.delete(session)
    return due
  }
}

/** How long a will waits: never longer than its session lives (MQTT-3.1.3-9). */
export function willDelayMs({ delaySeconds }: Will, { expirySeconds }: Session): number {
  return Math.min(delaySeconds, expirySeconds) * 1000
}
