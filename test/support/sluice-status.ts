import { setTimeout } from 'node:timers/promises'
import type { ServerStatus, SinkStatus } from '../../src/prove/server-status.ts'
import type { SluiceProcess } from './sluice-process.ts'

/** The part of `GET /status` that tests and benches read. */
export interface SluiceStatus extends ServerStatus {
  readonly log: ServerStatus['log'] & { readonly syncs: number; readonly commits: number }
}

export async function readStatus(sluice: SluiceProcess): Promise<SluiceStatus> {
  return (await sluice.get('/status')) as SluiceStatus // as: the program's own answer; a missing member fails the reader
}

/** The sinks that take readings. */
export function readingSinks(status: SluiceStatus): readonly SinkStatus[] {
  return status.sinks.filter((sink) => sink.stream === 'readings')
}

export interface DrainOptions {
  /** Readings that the log must have at least. */
  readonly rows: number
  /** Dead letters that it must have at least. */
  readonly letters?: number
  readonly timeoutMs: number
}

/** Waits until every sink was handed every reading, dead letter and replayed letter that the log has taken, and returns that status. */
export async function drained(sluice: SluiceProcess, options: DrainOptions): Promise<SluiceStatus> {
  const { rows, letters = 0, timeoutMs } = options
  const end = performance.now() + timeoutMs
  for (;;) {
    const status = await readStatus(sluice)
    const isDrained =
      isHanded(status, 'readings', rows) &&
      isHanded(status, 'dead-letters', letters) &&
      isHanded(status, 'letter-replays', 0)
    if (isDrained) return status
    if (performance.now() > end) {
      const sinks = status.sinks.map(({ name, stream, state, error, books: { handed } }) => ({
        name,
        stream,
        state,
        error,
        handed,
      }))
      throw new Error(
        `not drained after ${timeoutMs} ms: the log has ${JSON.stringify(status.log.rows)}, the sinks ${JSON.stringify(sinks)}`,
      )
    }
    await setTimeout(50)
  }
}

function isHanded({ log, sinks }: SluiceStatus, stream: string, atLeast: number): boolean {
  const written = log.rows[stream] ?? 0
  const readers = sinks.filter((sink) => sink.stream === stream)
  return (
    written >= atLeast &&
    (readers.length > 0 || written === 0) &&
    readers.every(({ books }) => books.handed === written)
  )
}
