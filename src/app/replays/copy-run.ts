import { type Batch, numberAt } from '../../core/batch.ts'
import type { Delivery } from '../../core/log.ts'
import { type Sink, SinkFailure } from '../../core/sink.ts'
import type { CopyPart } from '../../core/store.ts'
import type { Clock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { Letters } from '../pipeline/letters.ts'
import { type PipelineStatus, runPipeline } from '../pipeline/runner.ts'
import { sliceBatch } from '../pipeline/split.ts'
import { paced, rowsOfWrite, upTo } from './pace.ts'

/** What a copy from another store is to do. Plain data: it crosses a process border. */
export interface CopyOrder {
  /** The name under which the store keeps the copy's positions and books. */
  readonly lane: string
  readonly fromStore: string
  /** One after the other. */
  readonly parts: readonly CopyPart[]
  /** Rows a second; undefined: as fast as live traffic leaves room. */
  readonly rate: number | undefined
}

export interface CopyRunParts {
  /** The store's name, which stands in the letters of rows that it refuses. */
  readonly name: string
  sink(stream: string, lane: string): Sink
  adopt(logs: readonly string[], lane: string): Promise<void>
  /** Batches of the other store. */
  scan(store: string, part: CopyPart, from: bigint, signal: AbortSignal): AsyncIterable<Batch>
  isLiveBehind(): boolean
  readonly letters: Letters
  readonly clock: Clock
  onStatus(status: PipelineStatus, part: number): void
}

/**
 * Gives a store what another one holds, part after part, from where it says that it has come to. Returns true when everything is done,
 * false when the signal has aborted. @throws SinkFailure `stop` where the store is no place for these rows.
 */
export async function runCopy(order: CopyOrder, run: CopyRunParts, signal: AbortSignal): Promise<boolean> {
  const { lane, parts, rate } = order
  if (!(await adopt(order, run, signal))) return false
  for (const [i, part] of parts.entries()) {
    const { log, partition, stream, kind, from, until } = part
    await runPipeline(
      {
        name: run.name,
        log,
        stream,
        start: { log, partition, next: from },
        admit: async () => {}, // of logs that may be gone
        consume: (options, aborted) => {
          const next = options.from?.next ?? from
          const batches = run.scan(order.fromStore, part, next, aborted)
          const { isLiveBehind, clock } = run
          const pace = { rate, isLiveBehind, clock }
          return paced(upTo(deliveriesOf(batches, part, next, rowsOfWrite(rate)), until), pace, aborted)
        },
        processors: [], // the rows have been through those of the other store
        // Edits have numbers of their own: they come before the rows.
        sink: inPartition(run.sink(kind === 'edits' ? editsStream : stream, lane), partition),
        letters: run.letters,
        clock: run.clock,
        maxRows: rowsOfWrite(rate),
        lingerMs: 0,
        onStatus: (status) => run.onStatus(status, i),
      },
      signal,
    )
    if (signal.aborted) return false
  }
  return true
}

/** The stream under which a copy's edits have their position. */
export const editsStream = 'edits'
const tryAgainMs = 1_000

async function adopt({ lane, parts }: CopyOrder, run: CopyRunParts, signal: AbortSignal): Promise<boolean> {
  const logs = [...new Set(parts.map(({ log }) => log))]
  while (!signal.aborted) {
    try {
      await run.adopt(logs, lane)
      return true
    } catch (error) {
      if (error instanceof SinkFailure && error.kind === 'stop') throw error
      await wait(tryAgainMs, signal)
    }
  }
  return false
}

/** A pipeline asks for the log's one partition; the rows may be of another. */
function inPartition(sink: Sink, partition: number): Sink {
  return {
    name: sink.name,
    state: (log) => sink.state(log, partition),
    write: (write, signal) => sink.write(write, signal),
    close: () => sink.close(),
  }
}

async function* deliveriesOf(
  batches: AsyncIterable<Batch>,
  { log, partition }: CopyPart,
  from: bigint,
  maxRows: number,
): AsyncGenerator<Delivery> {
  let next = from
  for await (const whole of batches) {
    for (let i = 0; i < whole.length; i += maxRows) {
      const batch = sliceBatch(whole, i, Math.min(whole.length, i + maxRows))
      const to = numberAt(batch, batch.length - 1) + 1n
      const place = { log, partition }
      yield {
        batch,
        from: { ...place, next },
        to: { ...place, next: to },
        running: 0,
        damaged: 0,
        expired: 0,
        ack() {},
      }
      next = to
    }
  }
}
