import type { Sink } from '../../core/sink.ts'
import type { Intake } from '../../core/intake.ts'
import { systemClock } from '../../lib/clock.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import { createProcessors } from '../../processors/table.ts'
import { lettersTo, type SinkPipeline } from '../sink-pipeline.ts'
import type { CopySource } from '../store-process/copied-scans.ts'
import type { StoreProcess } from '../store-process/store-process.ts'
import type { ReplayWatcher } from '../store-process/store-replays.ts'
import type { CopyOrder } from './copy-run.ts'
import { type ReplayOrder, type ReplayStream, runReplay } from './replay-run.ts'

/** A sink that rows can be replayed to. */
export interface ReplayTarget {
  /** What it takes from the log, and by what processors. */
  readonly streams: readonly Omit<ReplayStream, 'group'>[]
  /** Why it takes nothing now. */
  readonly error: string | undefined
  /** What whoever starts a replay should know. */
  note(lane: string): string | undefined
  start(order: ReplayOrder, watcher: ReplayWatcher): void
  /** For stores: takes what another one holds; undefined for what is none. */
  readonly copy: ((order: CopyOrder, watcher: ReplayWatcher) => void) | undefined
  /** What others can be given of it. */
  readonly copies: CopySource | undefined
  /** Nothing of the replay is written once this has resolved. */
  end(lane: string): Promise<void>
}

/** A store: the replay runs in its process. */
export function storeTarget(store: StoreProcess, streams: ReplayTarget['streams']): ReplayTarget {
  return {
    streams,
    get error() {
      const { ready, error } = store.status
      return ready ? undefined : (error ?? 'the store is being opened')
    },
    note: () => undefined,
    start: (order, watcher) => store.replays.start(order, watcher),
    end: async (lane) => store.replays.end(lane),
    copy: (order, watcher) => store.replays.start(order, watcher),
    copies: store.copies,
  }
}

/** Live rows that may wait without a replay's waiting for them. */
const liveRows = 4_096

/** A sink of the main thread: each replay writes to a place of its own, for nobody can ask the sink what it has. */
export function sinkTarget(
  log: EmbeddedLog,
  intake: Intake,
  live: SinkPipeline,
  streams: ReplayTarget['streams'],
  open: (replay: string) => { readonly sink: Sink; readonly note: string },
  failed: (error: unknown) => void,
): ReplayTarget {
  const running = new Map<string, { readonly stop: AbortController; readonly done: Promise<void> }>()
  const run = async (sink: Sink, order: ReplayOrder, watcher: ReplayWatcher, signal: AbortSignal) => {
    try {
      const isDone = await runReplay(
        order,
        {
          name: live.name,
          log: log.id,
          sink: () => sink,
          admit: (group, position) => log.admit(group, position),
          consume: (stream, group, options, aborted) => log.consume(stream, group, options, aborted),
          acknowledge: (group, next) => log.acknowledge(group, next),
          processors: (stream) => createProcessors(stream.processors),
          isLiveBehind: () => (log.status().rows['readings'] ?? 0) - live.status.passed > liveRows,
          letters: lettersTo(intake),
          clock: systemClock,
          onStatus: (status, part) => watcher.onStatus(status, part),
        },
        signal,
      )
      if (isDone) watcher.onDone()
    } finally {
      running.delete(order.lane)
      await sink.close()
    }
  }
  return {
    streams,
    get error() {
      return undefined
    },
    copy: undefined,
    copies: undefined,
    note: (lane) => open(lane).note,
    start(order, watcher) {
      const stop = new AbortController()
      const done = run(open(order.lane).sink, order, watcher, stop.signal).catch((error: unknown) => {
        failed(error)
        // Nobody would ever end it, and it would hold the log.
        if (!stop.signal.aborted) watcher.onDone(String(error))
      })
      running.set(order.lane, { stop, done })
    },
    async end(lane) {
      const found = running.get(lane)
      found?.stop.abort()
      await found?.done
    },
  }
}
