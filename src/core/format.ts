import type { ErrorCode } from './errors.ts'
import type { Intake } from './intake.ts'
import type { SeriesId } from './series.ts'

/**
 * What is known of a payload before it is read: names from the topic (templates), and the series already found
 * for this topic. One object per topic, kept between messages, so a format may cache in it.
 */
export interface Route {
  /** The topic as received, '' for HTTP. */
  readonly topic: string
  /** Device and metric that the topic names; the payload's own ids win over them. */
  readonly device: string | undefined
  readonly metric: string | undefined
  /** What configuration says that payloads of this topic are; undefined: their content type says so, else they are JSON. */
  readonly format: Format | undefined
  /** Cache of a format: the series of the bare value of this topic, -1 until known. */
  valueSeries: SeriesId
  /** Cache of a format: series by name bytes found in payloads of this topic; undefined until a format makes it. */
  members: SeriesCache | undefined
}

/** A route with nothing in its caches. HTTP has one for each listener, with topic '' and no names. */
export function createRoute(
  topic: string,
  device: string | undefined,
  metric: string | undefined,
  format?: Format,
): Route {
  return { topic, device, metric, format, valueSeries: -1, members: undefined }
}

/** Bytes → series id, the hot lookup. -1 where the bytes were never put. */
export interface SeriesCache {
  get(bytes: Uint8Array, from: number, to: number): SeriesId | -1
  put(bytes: Uint8Array, from: number, to: number, series: SeriesId): void
}

/** One record of a payload that was not taken. */
export interface RecordRefusal {
  readonly code: ErrorCode
  /** Names the field and what is wrong with it. */
  readonly reason: string
  readonly field: string | undefined
  /** Place of the record in an array payload, 0 for a single one. */
  readonly index: number
  /** Its bytes: [from, to) of the payload's buffer. */
  readonly from: number
  readonly to: number
}

/**
 * Payload bytes → rows. Orthogonal to transports; keeps no state but its limits and the caches in `Route`.
 *
 * `decode` reads bytes[from, to), adds every good record to the intake and calls `refuse` for each bad one (whose rows
 * it has taken back). It never throws on data. It returns the number of rows added.
 */
export interface Format {
  readonly name: string
  decode(
    bytes: Uint8Array,
    from: number,
    to: number,
    route: Route,
    intake: Intake,
    refuse: (refusal: RecordRefusal) => void,
  ): number
}

/** Finds the route of a topic. */
export interface Router {
  /** The route of an ingest topic, or undefined where no ingest rule matches: then it is plain MQTT. */
  route(bytes: Uint8Array, from: number, to: number): Route | undefined
}
