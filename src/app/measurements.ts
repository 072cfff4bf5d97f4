import type { Metrics } from '../api/metrics.ts'
import type { Log } from '../core/log.ts'
import type { Clock } from '../lib/clock.ts'
import { LatencyWatch } from './latency-watch.ts'
import { measuredLog } from './measured-log.ts'
import type { PipelineStatus } from './pipeline/runner.ts'

/** Takes the times that metrics show: of commits, of writes, and from receipt to store. */
export class Measurements {
  readonly #metrics: Pick<Metrics, 'commit' | 'write' | 'endToEnd'>
  readonly #clock: Clock
  readonly #latency: LatencyWatch
  readonly #mainStore: string | undefined
  /** Batches of readings written to the main store. */
  batchesWritten = 0

  /** `stores` are the sinks whose latency is watched, the main one first. */
  constructor(
    metrics: Pick<Metrics, 'commit' | 'write' | 'endToEnd'>,
    clock: Clock,
    stores: readonly string[],
  ) {
    this.#metrics = metrics
    this.#clock = clock
    this.#latency = new LatencyWatch(stores)
    this.#mainStore = stores[0]
  }

  /** The log as the intake uses it. */
  log(log: Log): Log {
    return measuredLog(log, this.#clock, ({ next, handedMs, tookMs, hasReadings }) => {
      // A store passes what is of other streams only now and then: nobody waits for that.
      if (hasReadings) this.#latency.committed(next, handedMs)
      this.#metrics.commit(tookMs / 1000)
    })
  }

  /** A pipeline has something to show. */
  readonly pipeline = (status: PipelineStatus, before: PipelineStatus | undefined): void => {
    const { name, stream, position, passed, lastWriteMs, lastRows } = status
    if (before !== undefined && passed !== before.passed && lastRows > 0) {
      this.#metrics.write(name, stream, lastWriteMs / 1000)
      if (name === this.#mainStore && stream === 'readings') this.batchesWritten++
    }
    if (stream !== 'readings' || position === undefined) return
    for (const ms of this.#latency.passed(name, position.next, this.#clock.monotonicMs()))
      this.#metrics.endToEnd(name, ms / 1000)
  }

  /** Seconds that the oldest rows wait which the main store does not hold. */
  get lagSeconds(): number {
    return this.#mainStore === undefined
      ? 0
      : this.#latency.lagMs(this.#mainStore, this.#clock.monotonicMs()) / 1000
  }
}
