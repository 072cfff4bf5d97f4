import type { Clock } from '../../lib/clock.ts'

/** µs since 1970 as the wall clock had it at this call, going on with the monotonic clock: when the wall clock jumps, nothing gets older. */
export function steadyTime(clock: Clock): () => number {
  const startedAt = clock.now()
  const startedMs = clock.monotonicMs()
  return () => startedAt + Math.round((clock.monotonicMs() - startedMs) * 1000)
}
