import { type ReplayOrder, type ReplayParts, runReplay } from '../replays/replay-run.ts'
import type { FromStore } from './protocol.ts'

/** The replays of a store that run in its own process, beside its live pipelines. */
export class ChildReplays {
  readonly #parts: Omit<ReplayParts, 'onStatus'>
  readonly #send: (message: FromStore) => void
  readonly #running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>()

  constructor(parts: Omit<ReplayParts, 'onStatus'>, send: (message: FromStore) => void) {
    this.#parts = parts
    this.#send = send
  }

  /** Runs until it is done, which is told, or ended. Rejects with what is a defect. */
  async start(order: ReplayOrder): Promise<void> {
    const { lane } = order
    if (this.#running.has(lane)) return
    const stop = new AbortController()
    const done = this.#run(order, stop.signal)
    this.#running.set(lane, { stop, done })
    try {
      await done
    } finally {
      this.#running.delete(lane)
    }
  }

  end(lane: string): void {
    this.#running.get(lane)?.stop.abort()
  }

  /** Lets the writes under way finish. */
  async stop(): Promise<void> {
    const running = [...this.#running.values()]
    for (const { stop } of running) stop.abort()
    await Promise.allSettled(running.map(({ done }) => done))
  }

  async #run(order: ReplayOrder, signal: AbortSignal): Promise<void> {
    const { lane } = order
    const onStatus: ReplayParts['onStatus'] = (status) => this.#send({ kind: 'replay-status', lane, status })
    const isDone = await runReplay(order, { ...this.#parts, onStatus }, signal)
    if (isDone) this.#send({ kind: 'replayed', lane })
  }
}
