import type { SeriesNames } from './series.ts'
import { sliceText, type TextColumn } from './text-column.ts'

/** Flag bits of a reading. */
export const byNumber = 1 // identity is (series, time, number): the clock is too coarse or the time was missing
export const isText = 2 // the value is in the text column; `value` holds NaN

/**
 * Readings as columns, in the order the log took them. Row i has number `base + row[i]`, or `base + i` where
 * `row` is undefined. Columns may be views of shared or reused memory: a sink copies what it keeps.
 */
export interface Readings {
  readonly kind: 'readings'
  readonly length: number
  readonly base: bigint
  readonly row: Uint32Array | undefined
  readonly series: Uint32Array
  /** Whole microseconds since 1970 UTC. */
  readonly time: Float64Array
  readonly value: Float64Array
  /** 0 to 255; good 192, uncertain 64, bad 0. */
  readonly quality: Uint8Array
  /** `byNumber | isText`. */
  readonly flags: Uint8Array
  /** Present only if some row has a text value. */
  readonly text: TextColumn | undefined
  /** Present only if some row has unusual members: a JSON object, such as `{"source_timestamp": …}`. */
  readonly extra: TextColumn | undefined
  readonly names: SeriesNames
}

/** Documents of one stream: (key, time, body), the body being JSON unless the stream says otherwise. */
export interface Documents {
  readonly kind: 'documents'
  readonly stream: string
  readonly length: number
  readonly base: bigint
  readonly row: Uint32Array | undefined
  readonly time: Float64Array
  readonly key: TextColumn
  readonly body: TextColumn
}

/**
 * A user's change of stored readings, at its own place in the log. It concerns the rows with a lower number whose
 * time is in [from, to) µs. `patch` undefined deletes them; else the members given replace the rows' own.
 */
export interface Edit {
  readonly kind: 'edit'
  readonly length: 1
  readonly base: bigint
  readonly row: undefined
  readonly device: string
  /** undefined: every metric of the device. */
  readonly metric: string | undefined
  readonly from: number
  readonly to: number
  readonly patch: EditPatch | undefined
}

export interface EditPatch {
  readonly value?: number | string
  readonly quality?: number
}

export type Batch = Readings | Documents | Edit

/** The number of row i. */
export function numberAt(batch: Batch, i: number): bigint {
  return batch.base + BigInt(batch.row === undefined ? i : (batch.row[i] ?? 0))
}

/** Rows [from, to) of a batch; columns are views, nothing but text offsets is copied. */
export function sliceReadings(batch: Readings, from: number, to: number): Readings {
  if (from === 0 && to === batch.length) return batch
  return {
    ...batch,
    length: to - from,
    base: batch.row === undefined ? batch.base + BigInt(from) : batch.base,
    row: batch.row?.subarray(from, to),
    series: batch.series.subarray(from, to),
    time: batch.time.subarray(from, to),
    value: batch.value.subarray(from, to),
    quality: batch.quality.subarray(from, to),
    flags: batch.flags.subarray(from, to),
    text: batch.text && sliceText(batch.text, from, to),
    extra: batch.extra && sliceText(batch.extra, from, to),
  }
}

/** Rows [from, to) of documents. */
export function sliceDocuments(batch: Documents, from: number, to: number): Documents {
  if (from === 0 && to === batch.length) return batch
  return {
    ...batch,
    length: to - from,
    base: batch.row === undefined ? batch.base + BigInt(from) : batch.base,
    row: batch.row?.subarray(from, to),
    time: batch.time.subarray(from, to),
    key: sliceText(batch.key, from, to),
    body: sliceText(batch.body, from, to),
  }
}
