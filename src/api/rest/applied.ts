import { SluiceError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import { wait } from '../../lib/wait.ts'

/** Milliseconds that an answer waits for the store, unless told otherwise. */
const patienceMs = 20_000
/** And between asking a store that cannot be asked yet. */
const retryMs = 50

/** Waits until the store has applied everything of the stream before the position; false where it needs longer. */
export async function isApplied<Stream extends string>(
  passed: (stream: Stream, position: Position, signal: AbortSignal) => Promise<void>,
  stream: Stream,
  position: Position,
  gone: AbortSignal,
  late = AbortSignal.timeout(patienceMs),
): Promise<boolean> {
  const signal = AbortSignal.any([gone, late])
  for (;;) {
    try {
      await passed(stream, position, signal)
      return true
    } catch (error) {
      if (gone.aborted) throw error
      if (late.aborted) return false
      // A store that starts, or starts again, is waited for.
      if (!(error instanceof SluiceError) || error.code !== 'store-down') throw error
      await wait(retryMs, signal)
    }
  }
}
