import type { ErrorCode } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import type { TextColumn } from '../../core/text-column.ts'
import type { Damage } from '../../log/embedded/group-walk.ts'
import type { Watermark } from '../../log/embedded/writer.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'

/** What the state thread is started with. */
export interface StateStart {
  /** Of its pipelines, as `/status` shows it. */
  readonly name: string
  readonly file: string
  readonly log: {
    readonly id: string
    readonly folder: string
    readonly watermark: Watermark
    /** Rows written per stream since the log was created. */
    readonly rows: Readonly<Record<string, number>>
  }
  readonly pipelines: readonly StatePipeline[]
}

export interface StatePipeline {
  readonly stream: string
  readonly group: string
}

export type ToState =
  /** Answer to `want`. */
  | { readonly kind: 'watermark'; readonly watermark: Watermark }
  /** The log has another id. */
  | { readonly kind: 'renewed'; readonly log: string }
  /** Answer to `admit`. */
  | { readonly kind: 'admitted'; readonly id: number; readonly error: string | undefined }
  | { readonly kind: 'stop' }

export type FromState =
  /** What a stream's keys were set to, in order; an empty value removes its key. */
  | {
      readonly kind: 'values'
      readonly stream: string
      readonly keys: TextColumn
      readonly values: TextColumn
    }
  /** The file turned out to be damaged and has another name now; the values told so far are void. */
  | { readonly kind: 'set-aside'; readonly file: string; readonly reason: string }
  /** All values have been told: those of the file, and those of the log behind it. Now it follows the log. */
  | { readonly kind: 'loaded' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** Tell me when numbers beyond `next` are durable. */
  | { readonly kind: 'want'; readonly next: number }
  | { readonly kind: 'ack'; readonly group: string; readonly next: number }
  | { readonly kind: 'damage'; readonly damage: Damage }
  /** Before anything is read: is the log the one that the position speaks of? */
  | {
      readonly kind: 'admit'
      readonly id: number
      readonly group: string
      readonly position: Position | undefined
    }
  | { readonly kind: 'status'; readonly status: PipelineStatus }
