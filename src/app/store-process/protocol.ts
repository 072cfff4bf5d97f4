import type { DeadLetter } from '../../core/intake.ts'
import type { ErrorCode } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import type { CopyPart } from '../../core/store.ts'
import type { Damage } from '../../log/embedded/group-walk.ts'
import type { Watermark } from '../../log/embedded/writer.ts'
import type { StorePlace } from '../../stores/table.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'
import type { CopyOrder } from '../replays/copy-run.ts'
import type { ReplayOrder } from '../replays/replay-run.ts'

/** What a store process is told first. Everything is plain data: it crosses a process border (structured clone). */
export interface StoreStart {
  readonly kind: 'start'
  readonly store: { readonly type: string; readonly options: unknown; readonly place: StorePlace }
  readonly log: { readonly id: string; readonly folder: string; readonly watermark: Watermark }
  readonly pipelines: readonly PipelineStart[]
}

export interface PipelineStart {
  readonly stream: string
  readonly group: string
  readonly maxRows: number
  readonly lingerMs: number
  readonly restMs?: number | undefined
  /** Processors by type and options, in order. */
  readonly processors: readonly { readonly type: string; readonly options: unknown }[]
}

/** How often a store process says that it is alive. */
export const aliveEveryMs = 1_000

export type ToStore =
  | StoreStart
  /** Answer to `letters`, `admit` and `copy-next`. */
  | {
      readonly kind: 'done'
      readonly id: number
      readonly error: string | undefined
      readonly value?: unknown
    }
  /** Answer to `want`. */
  | { readonly kind: 'watermark'; readonly watermark: Watermark }
  | {
      readonly kind: 'call'
      readonly id: number
      readonly method: StoreMethod | CopyMethod | 'passed'
      readonly args: readonly unknown[]
    }
  /** Once the store is open. One that runs already goes on. */
  | { readonly kind: 'replay'; readonly order: ReplayOrder | CopyOrder }
  | { readonly kind: 'end-replay'; readonly lane: string }
  /** Asks a streaming call for its next piece. */
  | { readonly kind: 'pull'; readonly id: number }
  | { readonly kind: 'cancel'; readonly id: number }
  | { readonly kind: 'stop' }

export type FromStore =
  | { readonly kind: 'ready' }
  /** Of what had to be mended to open the store. */
  | { readonly kind: 'warning'; readonly message: string }
  /** Sent by the clock: whoever is silent hangs. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** Tell me when numbers beyond `next` are durable. */
  | { readonly kind: 'want'; readonly next: number }
  | { readonly kind: 'ack'; readonly group: string; readonly next: number }
  /** A reader has come upon damage in the log. */
  | { readonly kind: 'damage'; readonly damage: Damage }
  /** Before a pipeline reads: is the log the one that the position speaks of? */
  | {
      readonly kind: 'admit'
      readonly id: number
      readonly group: string
      readonly position: Position | undefined
    }
  | { readonly kind: 'letters'; readonly id: number; readonly letters: readonly DeadLetter[] }
  | { readonly kind: 'status'; readonly status: PipelineStatus }
  | {
      readonly kind: 'replay-status'
      readonly lane: string
      readonly part: number
      readonly status: PipelineStatus
    }
  /** It is done, or it can never be. */
  | { readonly kind: 'replayed'; readonly lane: string; readonly error?: string }
  /** Asks for the next batch of another store's rows; `copy` is a scan of the asker's own naming, which the first question begins. */
  | {
      readonly kind: 'copy-next'
      readonly id: number
      readonly copy: number
      readonly store: string
      readonly part: CopyPart
      readonly from: bigint
    }
  | { readonly kind: 'copy-end'; readonly copy: number }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown; readonly done: boolean }
  | { readonly kind: 'error'; readonly id: number; readonly code: ErrorCode; readonly message: string }

/** The parts of `StoreCopy` that can be asked from another process. */
export type CopyMethod = 'parts' | 'scan'

/** The parts of `Store` that can be asked from another process; the first two give their answer piece by piece. */
export type StoreMethod =
  | 'range'
  | 'buckets'
  | 'latest'
  | 'devices'
  | 'series'
  | 'documents'
  | 'documentBytes'
  | 'count'
  | 'state'
  | 'export'
