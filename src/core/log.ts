import type { Batch, Edit } from './batch.ts'
import type { Durable } from './durable.ts'
import type { DoorBooks } from './intake.ts'
import type { Position } from './position.ts'
import type { NewSeries } from './series.ts'
import type { TextColumn } from './text-column.ts'

/** Columns of readings on their way into the log, which gives the numbers. Lengths are `length` or more. */
export interface NewReadings {
  readonly length: number
  readonly series: Uint32Array
  readonly time: Float64Array
  readonly value: Float64Array
  readonly quality: Uint8Array
  readonly flags: Uint8Array
  readonly text: TextColumn | undefined
  readonly extra: TextColumn | undefined
}

export interface NewDocuments {
  readonly stream: string
  readonly length: number
  readonly time: Float64Array
  readonly key: TextColumn
  readonly body: TextColumn
}

/** Everything that becomes durable together. Numbers go to readings first, then edits, then documents. */
export interface Changes {
  readonly names: readonly NewSeries[]
  readonly readings: NewReadings | undefined
  readonly edits: readonly Pick<Edit, 'device' | 'metric' | 'from' | 'to' | 'patch'>[]
  readonly documents: readonly NewDocuments[]
  /** The door's totals after this commit. */
  readonly books: DoorBooks
  /** Without it a sink cannot move on, and a full log not shrink: it is taken beyond the log's limit and into the disk's reserve. */
  readonly usesReserve?: boolean | undefined
}

/** A batch handed to one group. */
export interface Delivery {
  readonly batch: Batch
  /** The batch is everything of its stream in [from, to). */
  readonly from: Position
  readonly to: Position
  /** Rows of the stream written before this batch since the log was created: the backlog is counted with it. */
  readonly running: number
  /** Rows between the previous delivery, or `from`, and this one that the log has lost: damaged, or in segments that are gone. */
  readonly damaged: number
  /** Rows that the log no longer held when the group, which had no position, came to it; in the first delivery. See `taken`. */
  readonly expired: number
  /** Tells the log that the group's sink holds everything before `to`; it moves retention's lower bound and nothing else. */
  ack(): void
}

/** Where the log's end finds a reader that has handed over all there was. */
export interface Passed {
  /** Everything of the stream before it was handed over and acknowledged. */
  readonly position: Position
  /** Rows of the stream written before it since the log was created; undefined where damage has hidden that. */
  readonly running: number | undefined
  /** As in a delivery: those that none has told. */
  readonly damaged: number
  readonly expired: number
}

export interface ConsumeOptions {
  /** Start here; undefined starts at the beginning of what the log holds. */
  readonly from: Position | undefined
  /** Rows of the stream that were handed over or counted as lost before `from`: what the log should hold behind them and does not is counted too. */
  readonly taken?: number | undefined
  /** At most this many rows joined into one batch. */
  readonly maxRows: number
  /** Milliseconds to let rows gather after the first one at the end of the log; 0 hands over what there is. */
  readonly lingerMs: number
  /** Milliseconds of rest after each batch, in which the rows of a stream that has few gather; none unless given. */
  readonly restMs?: number | undefined
  /** End once everything below this number has been handed over; undefined waits for more for ever. */
  readonly until?: bigint | undefined
  /**
   * Awaited at the end of the log, again and again: what came since the last row of the stream is of other streams, or lost. Nothing is
   * handed over meanwhile.
   */
  readonly onPassed?: ((passed: Passed) => Promise<void>) | undefined
}

/** What the log holds and has done, for /status, metrics and retention. */
export interface LogStatus {
  readonly id: string
  /** Bytes on disk, over all segments. */
  readonly bytes: number
  readonly segments: number
  /** First number kept and next number to be given. */
  readonly first: bigint
  readonly next: bigint
  /** Rows written per stream since the log was created. */
  readonly rows: Readonly<Record<string, number>>
  readonly commits: number
  readonly syncs: number
  /** Frames found damaged when the log was opened. */
  readonly damagedFrames: number
  /** Damaged places that readers have come upon since then; some of them may be of those frames. */
  readonly damagedPlaces: number
  readonly tornTails: number
  /** Times that the log was found to be an older copy of itself and was given another id. */
  readonly renewals: number
  /** Those since it was opened. */
  readonly newRenewals: number
  readonly state: 'open' | 'disk-full' | 'read-only' | 'closed'
}

/**
 * The durable sequence between sources and sinks.
 *
 * `commit` resolves after everything in `changes` is on disk, in call order; it rejects if it is not, and then nothing of it
 * will ever be delivered. The caller must not touch the columns until then.
 * `consume` yields the stream's batches in order, waits at the end for more, and ends when `signal` aborts.
 */
export interface Log {
  readonly id: string
  commit(changes: Changes): Promise<Durable>
  consume(
    stream: string,
    group: string,
    options: ConsumeOptions,
    signal: AbortSignal,
  ): AsyncIterable<Delivery>
  status(): LogStatus
  close(): Promise<void>
}
