import type { Batch } from './batch.ts'
import type { ErrorCode } from './errors.ts'
import type { Position } from './position.ts'

/** A row that the sink will never take. `index` is its place in the batch. */
export interface Refusal {
  readonly index: number
  readonly code: ErrorCode
  readonly reason: string
}

/** What became of the rows of one write: length = stored + repeated + overwritten + refused. */
export interface Written {
  readonly stored: number
  /** Same identity, nothing new to store: redelivered, or older than what stands there. */
  readonly repeated: number
  /** Replaced a row of the same identity that had a lower number. */
  readonly overwritten: number
  readonly refused: readonly Refusal[]
}

/**
 * A sink's books: handed = stored + repeated + overwritten + filtered + deadLettered + expired + damaged.
 * Kept in the row of the position and changed in its transaction. Edits are not rows and do not count.
 */
export interface SinkBooks {
  readonly handed: number
  readonly stored: number
  readonly repeated: number
  readonly overwritten: number
  readonly filtered: number
  readonly deadLettered: number
  readonly expired: number
  readonly damaged: number
}

/** Of a sink that has taken nothing yet. */
export const noBooks: SinkBooks = {
  handed: 0,
  stored: 0,
  repeated: 0,
  overwritten: 0,
  filtered: 0,
  deadLettered: 0,
  expired: 0,
  damaged: 0,
}

/** The terms of the books that the runner knows and the sink does not; the sink adds them in its transaction. */
export type RunnerTerms = Pick<SinkBooks, 'handed' | 'filtered' | 'deadLettered' | 'expired' | 'damaged'>

/** One write. `batch` undefined moves the position and the books only. */
export interface SinkWrite {
  readonly batch: Batch | undefined
  readonly from: Position
  readonly to: Position
  readonly terms: RunnerTerms
}

/** A sink's place and books. */
export interface SinkState {
  readonly position: Position
  readonly books: SinkBooks
}

/**
 * The end of a pipeline: one attempt per call, the runner owns loops, retries and bisection.
 *
 * `write` moves the position from `from` to `to` with the rows, in one transaction where the engine has them: exactly one
 * position row must change from `from`, or the whole write is undone (a late owner is fenced). If `refused` is not empty, nothing
 * was written and the position has not moved: the runner bisects. It throws `SinkFailure`.
 */
export interface Sink {
  readonly name: string
  /** Where this sink stands in that log and partition; undefined if it never took anything of it. */
  state(log: string, partition: number): Promise<SinkState | undefined>
  write(write: SinkWrite, signal: AbortSignal): Promise<Written>
  close(): Promise<void>
}

/**
 * - `retry`: the same write may succeed later (connection, lock, busy).
 * - `stop`: the sink itself is broken (schema, permission, disk, fenced, or every row refused): it is down, nothing is dead-lettered.
 * - `rows`: some row of the batch is at fault and the sink cannot say which: bisect.
 */
export class SinkFailure extends Error {
  readonly kind: 'retry' | 'stop' | 'rows'
  readonly code: ErrorCode

  constructor(kind: SinkFailure['kind'], code: ErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'SinkFailure'
    this.kind = kind
    this.code = code
  }
}
