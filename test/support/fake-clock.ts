import type { Clock } from '../../src/lib/clock.ts'

/** A clock that stands still until it is moved. The two times are moved apart, as a correction of the system clock does. */
export class FakeClock implements Clock {
  micros = 1_700_000_000_000_000
  ms = 0

  now(): number {
    return this.micros
  }

  monotonicMs(): number {
    return this.ms
  }

  /** Time passes. */
  pass(seconds: number): void {
    this.micros += seconds * 1e6
    this.ms += seconds * 1e3
  }

  /** The system clock is set, and no time passes. */
  jump(seconds: number): void {
    this.micros += seconds * 1e6
  }
}
