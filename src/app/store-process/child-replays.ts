import { type CopyOrder, type CopyRunParts, runCopy } from '../replays/copy-run.ts'
import { type ReplayOrder, type ReplayParts, runReplay } from '../replays/replay-run.ts'
import { SinkFailure } from '../../core/sink.ts'
import type { FromStore } from './protocol.ts'

type Parts = Omit<ReplayParts & CopyRunParts, 'onStatus'>

/** The replays of a store that run in its own process, beside its live pipelines. */
export class ChildReplays {
  readonly #parts: Parts
  readonly #send: (message: FromStore) => void
  readonly #running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>()

  constructor(parts: Parts, send: (message: FromStore) => void) {
    this.#parts = parts
    this.#send = send
  }

  /** Runs until it is done, which is told, or ended. Rejects with what is a defect. */
  async start(order: ReplayOrder | CopyOrder): Promise<void> {
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

  async #run(order: ReplayOrder | CopyOrder, signal: AbortSignal): Promise<void> {
    const { lane } = order
    const onStatus: ReplayParts['onStatus'] = (status, part) =>
      this.#send({ kind: 'replay-status', lane, part, status })
    const parts = { ...this.#parts, onStatus }
    try {
      const isDone = await ('parts' in order
        ? runCopy(order, parts, signal)
        : runReplay(order, parts, signal))
      if (isDone) this.#send({ kind: 'replayed', lane })
    } catch (error) {
      if (!(error instanceof SinkFailure)) throw error
      this.#send({ kind: 'replayed', lane, error: error.message })
    }
  }
}
