import { systemClock } from '../../lib/clock.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Log } from '../../core/log.ts'
import type { Position } from '../../core/position.ts'
import { noBooks, type SinkBooks } from '../../core/sink.ts'
import type { OpenStore } from '../../stores/table.ts'
import type { Letters } from '../pipeline/letters.ts'
import { type PipelineStatus, runPipeline } from '../pipeline/runner.ts'

export interface FillResult {
  readonly stream: string
  readonly books: SinkBooks
  readonly position: Position | undefined
}

/** Rows a write at most; a replay has the machine to itself or is throttled by its store. */
const maxRows = 65_536
const maxRetries = 20

/**
 * Fills a store from what the log holds, stream by stream, up to where the log stood at the start, and returns its books.
 * The store must not have taken anything of this log before: numbers and identities make the result equal to the store that was fed live.
 * @throws SluiceError `bad-request` if it has.
 */
export async function fillStore(
  store: OpenStore,
  name: string,
  log: Log,
  streams: readonly string[],
  letters: Letters,
  onProgress: (status: PipelineStatus, goal: bigint) => void,
  signal: AbortSignal,
): Promise<FillResult[]> {
  const results: FillResult[] = []
  const goal = log.status().next
  for (const stream of streams) {
    const sink = store.sink(stream)
    if ((await sink.state(log.id, 0)) !== undefined) {
      throw new SluiceError(
        'bad-request',
        `the store ${name} has taken ${stream} of this log already; replay goes into an empty store`,
      )
    }
    const done = new AbortController()
    let last: PipelineStatus | undefined
    await runPipeline(
      {
        name,
        log: log.id,
        stream,
        consume: (options, aborted) =>
          log.consume(stream, `replay/${name}/${stream}`, { ...options, until: goal }, aborted),
        admit: async () => {}, // it has taken nothing
        processors: [],
        sink,
        letters,
        clock: systemClock,
        maxRows,
        lingerMs: 0,
        onStatus(status) {
          last = status
          onProgress(status, goal)
          // Somebody waits for this: better a clear answer than trying for ever.
          if (status.state === 'down' || status.retries >= maxRetries) done.abort()
        },
      },
      AbortSignal.any([signal, done.signal]),
    )
    signal.throwIfAborted()
    if (last?.error !== undefined) throw new SluiceError('store-refused', last.error)
    results.push({ stream, books: last?.books ?? noBooks, position: last?.position })
  }
  return results
}
