import type { Tail } from './reader.ts'
import type { Watermark } from './writer.ts'

/** The log's tail as another thread or process tells it: asked for only when this one has read everything it knows of. */
export class RemoteTail implements Tail {
  #watermark: Watermark
  readonly #want: (next: number) => void
  #asked = -1
  readonly #waiters = new Set<() => void>()

  /** `want` asks for a watermark beyond `next`, to be told by `moved`. */
  constructor(watermark: Watermark, want: (next: number) => void) {
    this.#watermark = watermark
    this.#want = want
  }

  watermark(): Watermark {
    return this.#watermark
  }

  moved(watermark: Watermark): void {
    this.#watermark = watermark
    this.#asked = -1
    for (const wake of [...this.#waiters]) wake()
  }

  beyond(next: number, signal: AbortSignal): Promise<void> {
    if (this.#watermark.next > next || signal.aborted) return Promise.resolve()
    if (this.#asked < next) {
      this.#asked = next
      this.#want(next)
    }
    return new Promise((resolve) => {
      const done = () => {
        this.#waiters.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiters.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
