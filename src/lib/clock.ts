/** The only place that asks the time, so that a simulation can replace it. */
export interface Clock {
  /** Wall clock, whole µs since 1970 UTC. Follows corrections of the system clock, so it may jump. */
  now(): number
  /** Milliseconds since some start, never going back: for durations and timers. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => Date.now() * 1000,
  monotonicMs: () => performance.now(),
}
