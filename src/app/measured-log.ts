import type { Log } from '../core/log.ts'
import type { Clock } from '../lib/clock.ts'

/** A commit that is durable. */
export interface MeasuredCommit {
  /** The number after it. */
  readonly next: bigint
  readonly handedMs: number
  readonly tookMs: number
  /** It holds something that a store of readings waits for. */
  readonly hasReadings: boolean
}

/** The same log, telling of each commit when it is durable. */
export function measuredLog(log: Log, clock: Clock, onDurable: (commit: MeasuredCommit) => void): Log {
  return {
    get id() {
      return log.id
    },
    commit(changes) {
      const handedMs = clock.monotonicMs()
      const hasReadings = changes.readings !== undefined || changes.edits.length > 0
      const durable = log.commit(changes)
      durable.then(
        ({ position: { next } }) =>
          onDurable({ next, handedMs, tookMs: clock.monotonicMs() - handedMs, hasReadings }),
        () => {}, // whoever handed it over hears of it
      )
      return durable
    },
    consume: (stream, group, options, signal) => log.consume(stream, group, options, signal),
    status: () => log.status(),
    close: () => log.close(),
  }
}
