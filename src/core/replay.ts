import { readTime } from './given-time.ts'
import { decodeCursor, type Position } from './position.ts'
import type { SinkBooks } from './sink.ts'

/** A bound of a replay: a time of writing into the log, in µs, or an exact place. */
export type ReplayBound =
  | { readonly kind: 'time'; readonly micros: number }
  | { readonly kind: 'cursor'; readonly position: Position }

/** A live cursor, or a time as users write them; undefined where a text is neither. */
export function readBound(text: string, nowMicros: number): ReplayBound | undefined {
  const [position, ...others] = decodeCursor(text) ?? []
  // Of more partitions it is of another kind of log.
  if (position !== undefined) return others.length > 0 ? undefined : { kind: 'cursor', position }
  const micros = readTime(text, nowMicros)
  return micros === undefined ? undefined : { kind: 'time', micros }
}

/** What a user asks to be replayed. */
export interface ReplayAsk {
  /** One is given where there is none. */
  readonly name?: string | undefined
  readonly sink: string
  /** A store whose rows the sink, a store too, is given: those that the log no longer holds among them. Then there are no bounds. */
  readonly fromStore?: string | undefined
  /** undefined: from the first row that the log holds. */
  readonly from?: ReplayBound | undefined
  /** undefined: up to where the log stands now. */
  readonly to?: ReplayBound | undefined
  /** Rows a second; undefined: as fast as live traffic leaves room. */
  readonly rate?: number | undefined
}

/**
 * `waiting`: its sink cannot take rows now; it goes on by itself. `failed`: it can never go on. Rows of one that was cancelled or has failed
 * stay in the sink.
 */
export type ReplayState = 'running' | 'waiting' | 'done' | 'cancelled' | 'failed'

/** How far a replay has come in one stream of a log. */
export interface ReplayPartStatus {
  /** `edits` for those that a copy brings. */
  readonly stream: string
  /** A copy brings rows of every log that the other store has met. */
  readonly log: string
  /** Everything below this number is done. */
  readonly position: bigint
  readonly books: SinkBooks
}

export interface ReplayStatus {
  readonly name: string
  readonly sink: string
  readonly fromStore: string | undefined
  readonly state: ReplayState
  /** Why it waits or has failed. */
  readonly error: string | undefined
  /** What whoever started it should know. */
  readonly note: string | undefined
  /** The first number, and the first that is not meant; each part of a copy has its own. */
  readonly from: bigint | undefined
  readonly to: bigint | undefined
  readonly rate: number | undefined
  /** µs since 1970. */
  readonly started: number
  readonly ended: number | undefined
  /** Who started it. */
  readonly principal: string
  readonly rows: number
  readonly rowsPerSecond: number
  /** Undefined while nobody can tell, and at the end. */
  readonly secondsLeft: number | undefined
  /** Share of the numbers that have been passed, 0 to 1. */
  readonly done: number
  readonly parts: readonly ReplayPartStatus[]
}

/** Where replays are started, watched and ended. */
export interface ReplayDesk {
  /**
   * Resolves when the replay is on disk and runs: it goes on after a crash.
   * @throws SluiceError `bad-request` for bounds that the log does not hold, `not-found` for an unknown sink, `conflict` for a name that is taken.
   */
  start(ask: ReplayAsk, principal: string): Promise<ReplayStatus>
  /** Those that run and those that have ended, in the order of their start. */
  list(): readonly ReplayStatus[]
  /** @throws SluiceError `not-found` */
  get(name: string): ReplayStatus
  /** Cancels one that runs, forgets one that has ended. @throws SluiceError `not-found` */
  end(name: string): Promise<{ readonly status: ReplayStatus; readonly forgotten: boolean }>
}
