import { systemClock } from '../../src/lib/clock.ts'

const longestMs = 60_000

/** Resolves when it is so. A test that would wait for ever fails after a minute, and does not hold up the others. */
export async function until(isSo: () => boolean): Promise<void> {
  const endMs = systemClock.monotonicMs() + longestMs
  while (!isSo()) {
    if (systemClock.monotonicMs() > endMs)
      throw new Error(`it was not so after ${longestMs} ms: ${isSo.toString()}`)
    await new Promise(setImmediate)
  }
}
