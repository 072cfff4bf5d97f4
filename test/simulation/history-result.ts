export interface HistoryResult {
  readonly seed: number
  /** Of everything that happened, in order. */
  readonly hash: number
  readonly events: number
  readonly offered: number
  readonly acked: number
  readonly crashes: number
  /** Orderly stops that came to their end. */
  readonly stops: number
  /** Undefined: everything was as promised. */
  readonly violation: string | undefined
  /** Everything that happened, if it was recorded. */
  readonly trace: readonly string[]
}
