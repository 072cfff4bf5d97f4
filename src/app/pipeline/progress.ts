import type { Position } from '../../core/position.ts'

/**
 * How far a pipeline has come in its log: everything below has been applied by its sink, or is of other streams. A sink's own position
 * stops at its last row, so whoever waits for an edit waits here.
 */
export class Progress {
  readonly #log: string
  #next = 0n
  readonly #waiters = new Set<() => void>()

  constructor(log: string) {
    this.#log = log
  }

  /** Everything below has been applied. */
  get next(): bigint {
    return this.#next
  }

  moved(next: bigint): void {
    if (next <= this.#next) return
    this.#next = next
    for (const check of [...this.#waiters]) check()
  }

  /** Resolves once everything before the position is applied. @throws the signal's reason. */
  passed(position: Position, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const isPassed = () => position.log !== this.#log || this.#next >= position.next
    if (isPassed()) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(check)
        signal.removeEventListener('abort', abort)
      }
      const check = () => {
        if (!isPassed()) return
        leave()
        resolve()
      }
      const abort = () => {
        leave()
        reject(signal.reason)
      }
      this.#waiters.add(check)
      signal.addEventListener('abort', abort, { once: true })
    })
  }
}
