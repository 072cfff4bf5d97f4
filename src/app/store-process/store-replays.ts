import type { PipelineStatus } from '../pipeline/runner.ts'
import type { CopyOrder } from '../replays/copy-run.ts'
import type { ReplayOrder } from '../replays/replay-run.ts'
import type { FromStore, ToStore } from './protocol.ts'

/** Whoever has started a replay hears of it. */
export interface ReplayWatcher {
  /** `part`: which of the streams, or parts of a copy. */
  onStatus(status: PipelineStatus, part: number): void
  /** Everything is done; or it can never be, and why. */
  onDone(error?: string): void
}

/** The replays that run in a store's process, as the main thread sees them: they are started again with the process. */
export class StoreReplays {
  readonly #send: (message: ToStore) => void
  readonly #running = new Map<
    string,
    { readonly order: ReplayOrder | CopyOrder; readonly watcher: ReplayWatcher }
  >()

  constructor(send: (message: ToStore) => void) {
    this.#send = send
  }

  start(order: ReplayOrder | CopyOrder, watcher: ReplayWatcher): void {
    this.#running.set(order.lane, { order, watcher })
    this.#send({ kind: 'replay', order })
  }

  /** It writes no more, once what is under way is done. */
  end(lane: string): void {
    if (this.#running.delete(lane)) this.#send({ kind: 'end-replay', lane })
  }

  /** The process is open: everything that is not done yet goes on there. */
  startAgain(): void {
    for (const { order } of this.#running.values()) this.#send({ kind: 'replay', order })
  }

  receive(message: Extract<FromStore, { kind: 'replay-status' | 'replayed' }>): void {
    const { lane } = message
    const watcher = this.#running.get(lane)?.watcher
    if (message.kind === 'replay-status') watcher?.onStatus(message.status, message.part)
    else {
      this.#running.delete(lane)
      watcher?.onDone(message.error)
    }
  }
}
