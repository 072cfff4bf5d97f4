import type { Durable } from './durable.ts'
import type { Edit } from './batch.ts'
import type { ErrorCode } from './errors.ts'
import type { SeriesId } from './series.ts'

/** Ends a topic in a letter of which no more is kept. */
export const cutMark = '…'

/** A record that could not be taken, kept with its reason and original bytes. */
export interface DeadLetter {
  readonly code: ErrorCode
  /** One sentence for people; names the field where there is one. */
  readonly reason: string
  /** The original bytes, tokens masked. The intake copies them. */
  readonly bytes: Uint8Array
  /** The door it came through: 'mqtt', 'http', … or the sink that refused it. */
  readonly source: string
  readonly device?: string | undefined
  readonly topic?: string | undefined
  /** Where the source has it, if that can be said: `orders[3]@1201` of Kafka, the offset in a stream of RabbitMQ. */
  readonly offset?: string | undefined
  /** What it was read as, a format's name, or the content type that nobody reads; undefined: JSON. */
  readonly format?: string | undefined
  /** Who was verified at the door. */
  readonly principal?: string | undefined
  /** For a sink's letter: `<sink>/<log id>/<number>`, which makes writing it twice harmless. */
  readonly key?: string | undefined
}

/** What a series' values are; declared in config, or as the first value showed. */
export type ValueKind = 'number' | 'text'

/**
 * The gate through which every record enters. All calls are synchronous and touch memory only; nothing is
 * promised to a sender until `durable()` resolves. One intake belongs to one thread.
 *
 * What is added before one `durable()` call becomes durable together or not at all.
 */
export interface Intake {
  /** Receipt time in µs since 1970, read once per turn by whoever hands bytes over (`tick`), so rows of one read agree. */
  readonly now: number
  /** Refreshes `now`; a source calls it once per socket read or request. */
  tick(): void

  /**
   * The id of a series, given on first sight (cold path: hot paths cache the id beside the bytes that name it).
   * @throws SluiceError `series-limit`, `unknown-metric` (series.strict), `wrong-kind` (declared), `invalid-name`.
   */
  series(device: string, metric: string, kind: ValueKind, unit?: string): SeriesId

  /** Adds a number. `time` whole µs since 1970, already within limits; `value` finite; `flags` is 0 or `byNumber`. */
  add(series: SeriesId, time: number, value: number, quality: number, flags: number): void
  /** Adds a text value, already within limits and free of U+0000. */
  addText(series: SeriesId, time: number, text: string, quality: number, flags: number): void
  /** Gives the row added last its unusual members, as JSON text of an object. */
  addExtra(json: string): void

  /** Adds a document to a stream. `body` is copied. */
  addDocument(stream: string, key: string, time: number, body: Uint8Array): void
  /**
   * Sets (undefined: removes) a key of the keyed state in the same commit: a document of the stream `state`, and no row of the books.
   * `value` is copied. With `makesRoom` the commit is taken by a full log too: without it that may not shrink.
   * @throws TypeError for an empty value, which could not be told from none.
   */
  set(key: string, value: Uint8Array | undefined, options?: { readonly makesRoom?: boolean }): void
  /** Adds an edit; sinks apply it after every row added before it. It ends its commit: ask for `durable()` before anything else is added. */
  addEdit(edit: Pick<Edit, 'device' | 'metric' | 'from' | 'to' | 'patch'>): void

  /** A place behind everything added so far. Whoever fails half-way through a record returns here and leaves nothing behind. */
  mark(): number
  /** Takes back readings, documents and dead letters added since the mark, which is of this turn (no `durable()` in between). */
  rollback(mark: number): void

  /** Keeps a dead letter in the same commit. At the bound of the dead letters, or of its device where no sink sends it: throws SluiceError `undecodable`. */
  reject(letter: DeadLetter): void
  /** Counts messages at the door: every message received is counted once, by its outcome. */
  countMessage(outcome: 'accepted' | 'refused' | 'deadLettered'): void
  /** Counts records that were refused without a letter (HTTP answers them in its reply). */
  countRefusedRows(rows: number): void

  /** Resolves when everything added so far is on disk: one shared promise per commit. Rejects if the commit failed: do not acknowledge. */
  durable(): Promise<Durable>
  /** Back-pressure: undefined while there is room, else a promise to wait for before adding more. */
  room(): Promise<void> | undefined
  /** Why nothing can be taken now and waiting is no answer (`disk-full`, `log-read-only`), or undefined. */
  refusal(): ErrorCode | undefined
  /** The books at the door: totals since the log was created, carried in every commit. */
  readonly books: Readonly<DoorBooks>
}

/**
 * received = accepted + refused + deadLettered, in messages and in rows. `received` is counted on its own, so that a difference shows. Letters of
 * sinks are in the sinks' books.
 */
export interface DoorBooks {
  messagesReceived: number
  messagesAccepted: number
  messagesRefused: number
  messagesDeadLettered: number
  rowsReceived: number
  rowsAccepted: number
  rowsRefused: number
  rowsDeadLettered: number
  /** Bytes of the dead letters that are kept: what their bound is held against, over restarts too. */
  letterBytes: number
}
