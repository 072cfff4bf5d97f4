import type { Log } from '../core/log.ts'
import type { Clock } from '../lib/clock.ts'

/** The same log, telling of each commit when it is durable: up to which number, when it was handed over, and how long it took. */
export function measuredLog(
  log: Log,
  clock: Clock,
  onDurable: (next: bigint, handedMs: number, tookMs: number) => void,
): Log {
  return {
    get id() {
      return log.id
    },
    commit(changes) {
      const handedMs = clock.monotonicMs()
      const durable = log.commit(changes)
      durable.then(
        ({ position }) => onDurable(position.next, handedMs, clock.monotonicMs() - handedMs),
        () => {}, // whoever handed it over hears of it
      )
      return durable
    },
    consume: (stream, group, options, signal) => log.consume(stream, group, options, signal),
    status: () => log.status(),
    close: () => log.close(),
  }
}
