import type { DoorBooks } from '../../core/intake.ts'
import type { Changes, NewReadings } from '../../core/log.ts'
import type { NewSeries } from '../../core/series.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Watermark, WriterOptions, WriterState } from './writer.ts'

/** What the log thread is started with. */
export interface ThreadData {
  readonly folder: string
  readonly options: WriterOptions
}

/** Columns in shared memory, sent once; commits then name them by id. Offsets are bytes into the buffer. */
export interface SharedColumns {
  readonly kind: 'columns'
  readonly id: number
  readonly buffer: SharedArrayBuffer
  readonly capacity: number
  readonly time: number
  readonly value: number
  readonly series: number
  readonly quality: number
  readonly flags: number
}

/** Readings in shared columns; text and extra, which are rare, travel as copies. */
export interface SharedReadings extends Pick<NewReadings, 'length' | 'text' | 'extra'> {
  readonly columns: number
}

export type ToThread =
  | SharedColumns
  | {
      readonly kind: 'commit'
      readonly epoch: number
      readonly shared: SharedReadings | undefined
      readonly changes: Changes
    }
  /** Numbers below are held by every sink. */
  | { readonly kind: 'bound'; readonly bound: number }
  /** Give the log another id. */
  | { readonly kind: 'renew' }
  | { readonly kind: 'close' }

export interface ThreadStatus {
  readonly bytes: number
  readonly segments: number
  readonly first: number
  readonly rows: Readonly<Record<string, number>>
  readonly commits: number
  readonly syncs: number
  readonly damagedFrames: number
  readonly tornTails: number
  readonly renewals: number
  readonly state: WriterState
}

export type FromThread =
  | {
      readonly kind: 'opened'
      readonly id: string
      readonly names: readonly NewSeries[]
      /** One more than the highest series id given. */
      readonly series: number
      readonly books: DoorBooks
      readonly watermark: Watermark
      readonly status: ThreadStatus
    }
  /** The oldest `commits` commits not answered yet are durable. */
  | { readonly kind: 'durable'; readonly commits: number; readonly watermark: Watermark }
  /** The log could not be opened. */
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly message: string }
  /** They are not, and nothing sent with an epoch below `epoch` will be. */
  | {
      readonly kind: 'failed'
      readonly commits: number
      readonly epoch: number
      readonly code: ErrorCode
      readonly message: string
      readonly state: WriterState
    }
  /** The log has another id, durably. */
  | {
      readonly kind: 'renewed'
      readonly id: string
      readonly status: ThreadStatus
      readonly watermark: Watermark
    }
  | { readonly kind: 'not-renewed'; readonly code: ErrorCode; readonly message: string }
  | { readonly kind: 'status'; readonly status: ThreadStatus; readonly watermark: Watermark }
  | { readonly kind: 'closed' }
