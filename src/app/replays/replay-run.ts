import type { ConsumeOptions, Delivery } from '../../core/log.ts'
import type { Position } from '../../core/position.ts'
import type { Processor } from '../../core/processor.ts'
import type { Sink } from '../../core/sink.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Letters } from '../pipeline/letters.ts'
import { type PipelineStatus, runPipeline } from '../pipeline/runner.ts'
import { paced, rowsOfWrite, upTo } from './pace.ts'

/** What a replay from the log is to do. Plain data: it crosses a process border. */
export interface ReplayOrder {
  /** The name under which the sink keeps the replay's positions and books. */
  readonly lane: string
  /** One after the other. */
  readonly streams: readonly ReplayStream[]
  /** The first number, and the first that is not meant. */
  readonly from: bigint
  readonly until: bigint
  /** Rows a second; undefined: as fast as live traffic leaves room. */
  readonly rate: number | undefined
}

export interface ReplayStream {
  readonly stream: string
  /** What holds the rows in the log that are still to come. */
  readonly group: string
  /** Processors by type and options, in order. */
  readonly processors: readonly { readonly type: string; readonly options: unknown }[]
}

export interface ReplayParts {
  /** The sink's name, which stands in the letters of rows that it refuses. */
  readonly name: string
  readonly log: string
  sink(stream: string, lane: string): Sink
  admit(group: string, position: Position | undefined): Promise<void>
  consume(
    stream: string,
    group: string,
    options: ConsumeOptions,
    signal: AbortSignal,
  ): AsyncIterable<Delivery>
  /** The group's sink holds everything below the number. */
  acknowledge(group: string, next: number): void
  processors(stream: ReplayStream): Promise<readonly Processor[]>
  isLiveBehind(): boolean
  readonly letters: Letters
  readonly clock: Clock
  /** `part`: which of the streams. */
  onStatus(status: PipelineStatus, part: number): void
}

/**
 * Gives a sink once more what the log holds between two numbers, stream after stream, from where the sink says that it has come to.
 * Returns true when everything is done, false when the signal has aborted.
 */
export async function runReplay(
  { lane, streams, from, until, rate }: ReplayOrder,
  parts: ReplayParts,
  signal: AbortSignal,
): Promise<boolean> {
  const { name, log, letters, clock, isLiveBehind, onStatus } = parts
  for (const [i, each] of streams.entries()) {
    const { stream, group } = each
    await runPipeline(
      {
        name,
        log,
        stream,
        start: { log, partition: 0, next: from },
        admit: (position) => parts.admit(group, position),
        consume: (options, aborted) => {
          const deliveries = parts.consume(stream, group, bounded(options, until), aborted)
          return paced(upTo(deliveries, until), { rate, isLiveBehind, clock }, aborted)
        },
        processors: await parts.processors(each),
        sink: parts.sink(stream, lane),
        letters,
        clock,
        maxRows: rowsOfWrite(rate),
        lingerMs: 0,
        onStatus: (status) => onStatus(status, i),
      },
      signal,
    )
    if (signal.aborted) return false
    parts.acknowledge(group, Number(until))
  }
  return true
}

/** The log may end beyond the replay: what is passed there is not its own. */
function bounded(options: ConsumeOptions, until: bigint): ConsumeOptions {
  const { onPassed } = options
  if (onPassed === undefined) return { ...options, until }
  return {
    ...options,
    until,
    onPassed: (passed) => {
      const next = passed.position.next < until ? passed.position.next : until
      return onPassed({ ...passed, position: { ...passed.position, next } })
    },
  }
}
