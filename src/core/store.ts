import type { Batch } from './batch.ts'
import type { Sink } from './sink.ts'

/** `worstQuality` is the lowest of all rows: bad 0 lies below uncertain 64 below good 192 (OPC UA part 13 has it by this name). */
export type Aggregate = 'avg' | 'min' | 'max' | 'sum' | 'count' | 'first' | 'last' | 'worstQuality'

/** A range of readings of one device. Times in µs, `from` inclusive, `to` exclusive. */
export interface RangeQuery {
  readonly device: string
  /** undefined: every metric of the device. */
  readonly metric: string | undefined
  readonly from: number
  readonly to: number
  /** At most this many rows. */
  readonly limit: number
  /** Continue after this row: the pair that the last row of the previous page had. */
  readonly after: { readonly metric: string; readonly time: number; readonly seq: bigint } | undefined
  readonly order: 'ascending' | 'descending'
}

/** The same range in buckets of `step` µs aligned to 1970; text values count only in `count`, `first`, `last` and `worstQuality`. */
export interface BucketQuery extends Omit<RangeQuery, 'after' | 'order'> {
  readonly step: number
  readonly aggregates: readonly Aggregate[]
}

/** Rows of an answer as columns, by (metric, time, seq). */
export interface RangeRows {
  readonly length: number
  readonly metric: readonly string[]
  readonly time: Float64Array
  /** NaN where the value is a text. */
  readonly value: Float64Array
  readonly text: readonly (string | undefined)[] | undefined
  readonly quality: Uint8Array
  readonly seq: BigInt64Array
}

/** Buckets of an answer, by (metric, time); `columns` has an entry per aggregate asked, NaN where a bucket has no number. */
export interface BucketRows {
  readonly length: number
  readonly metric: readonly string[]
  readonly time: Float64Array
  readonly columns: Readonly<Partial<Record<Aggregate, Float64Array>>>
}

export interface LatestRow {
  readonly device: string
  readonly metric: string
  readonly unit: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
  readonly seq: bigint
}

export interface DeviceRow {
  readonly device: string
  readonly series: number
  /** µs of the newest row. */
  readonly lastTime: number
}

export interface DeviceQuery {
  /** What the names begin with. */
  readonly prefix: string
  /** Case-insensitive substring of the name. */
  readonly match: string
  /** Continue after this name. */
  readonly after: string | undefined
  readonly limit: number
}

/** A page of the devices that fit, and how many fit on all pages together. */
export interface DevicePage {
  readonly rows: readonly DeviceRow[]
  readonly total: number
}

export interface SeriesRow {
  readonly device: string
  readonly metric: string
  readonly unit: string
  readonly kind: 'number' | 'text' | 'mixed'
  readonly firstTime: number
  readonly lastTime: number
}

export interface DocumentQuery {
  readonly stream: string
  readonly key: string | undefined
  readonly from: number
  readonly to: number
  /** Case-insensitive substring of the body. */
  readonly match: string | undefined
  readonly limit: number
  /** Continue before this number (newest first). */
  readonly before: bigint | undefined
  /** Oldest first, continuing after this number. */
  readonly after?: bigint | undefined
}

export interface DocumentRow {
  readonly key: string
  readonly time: number
  readonly seq: bigint
  readonly body: string
}

export interface DocumentBytes {
  readonly total: number
  /** Of the thousand devices that have most, by the member `device` of the bodies. */
  readonly devices: readonly (readonly [device: string, bytes: number])[]
}

/** A sink that can be asked. At most two queries run at once; others wait. Every call takes a signal and stops at it. */
export interface Store extends Sink {
  range(query: RangeQuery, signal: AbortSignal): AsyncIterable<RangeRows>
  buckets(query: BucketQuery, signal: AbortSignal): AsyncIterable<BucketRows>
  /** Newest row per series, of one device or of all, by device and metric. */
  latest(device: string | undefined, limit: number, signal: AbortSignal): Promise<LatestRow[]>
  /** Devices that have rows, by name. */
  devices(query: DeviceQuery, signal: AbortSignal): Promise<DevicePage>
  series(
    device: string | undefined,
    after: { device: string; metric: string } | undefined,
    limit: number,
    signal: AbortSignal,
  ): Promise<SeriesRow[]>
  documents(query: DocumentQuery, signal: AbortSignal): Promise<DocumentRow[]>
  /** Bytes of the bodies that a stream holds. */
  documentBytes(stream: string, signal: AbortSignal): Promise<DocumentBytes>
  /** Rows stored now, as the engine itself counts them. */
  count(signal: AbortSignal): Promise<{ readings: number; documents: number }>
  /** Writes the range as a file in the format, chunk by chunk. */
  export(
    query: Omit<RangeQuery, 'limit' | 'after' | 'order' | 'device'> & { readonly device: string | undefined },
    format: 'csv' | 'parquet',
    path: string,
    signal: AbortSignal,
  ): Promise<number>
}

/** Rows of one log and kind that a store holds. Their numbers ascend. */
export interface CopyPart {
  readonly kind: 'edits' | 'readings' | 'documents'
  readonly log: string
  readonly partition: number
  /** That of the documents; else 'readings'. */
  readonly stream: string
  /** The lowest number, and one more than the highest. */
  readonly from: bigint
  readonly until: bigint
}

/** A store whose rows can be copied to another, with the numbers that they have and in the order in which the logs win. */
export interface StoreCopy {
  /** Everything there is, in the order in which it is to be copied: edits before the rows that they have left. */
  parts(signal: AbortSignal): Promise<CopyPart[]>
  /** Rows of a part from a number on, a few thousand a batch. */
  scan(part: CopyPart, from: bigint, signal: AbortSignal): AsyncIterable<Batch>
  /**
   * To be called before rows of these logs, the older first, come by the replay of this name: rows of a later log win over those of an earlier one.
   * @throws SinkFailure `stop` where the store has met them in another order.
   */
  adopt(logs: readonly string[], replay: string): Promise<void>
}
