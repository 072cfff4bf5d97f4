import { type Batch, byNumber, isText } from './batch.ts'
import { textColumn } from './text-column.ts'

/** The stream of the log by which sinks get refused rows again. */
export const letterReplaysStream = 'letter-replays'

/** A row as a sink's dead letter has it. */
export type LetterRow = ReadingRow | DocumentRow

interface ReadingRow {
  readonly device_id: string
  readonly tag_id: string
  readonly v: number | string
  readonly q: number
  /** ms since 1970, with a fraction where there are µs. */
  readonly ts: number
  readonly unit?: string | undefined
  /** Its identity is its number. */
  readonly by_number?: true | undefined
  /** Unusual members, a JSON object as text. */
  readonly extra?: string | undefined
}

interface DocumentRow {
  readonly stream: string
  readonly key: string
  /** µs since 1970. */
  readonly time: number
  readonly body: string
}

/**
 * A sink's dead letter that is replayed: the sink gets the row once more, as it was or corrected, under its old number. The request is part of
 * the commit that takes the letter away, and the sink's position in this stream moves with the row: so the row takes effect once.
 */
export interface LetterReplay {
  readonly sink: string
  /** Of the row, in the log that the request itself stands in. */
  readonly number: bigint
  readonly row: LetterRow
}

export function encodeLetterReplay({ number, ...rest }: LetterReplay): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ ...rest, number: String(number) }))
}

export function decodeLetterReplay(body: Uint8Array): LetterReplay {
  // As `encodeLetterReplay` has written it.
  const replay = JSON.parse(new TextDecoder().decode(body)) as Omit<LetterReplay, 'number'> & {
    readonly number: string
  }
  return { ...replay, number: BigInt(replay.number) }
}

/** The row as a batch of its own. */
export function batchOf(row: LetterRow, base: bigint): Batch {
  const place = { length: 1, base, row: undefined } as const
  if ('body' in row) {
    const { stream, key, time, body } = row
    const columns = { time: Float64Array.of(time), key: textColumn([key]), body: textColumn([body]) }
    return { kind: 'documents', ...place, stream, ...columns }
  }
  const { device_id: device, tag_id: metric, v, unit = '', extra } = row
  const hasText = typeof v === 'string'
  const name = { device, metric, unit }
  return {
    kind: 'readings',
    ...place,
    series: Uint32Array.of(0),
    time: Float64Array.of(Math.round(row.ts * 1000)),
    value: Float64Array.of(hasText ? Number.NaN : v),
    quality: Uint8Array.of(row.q),
    flags: Uint8Array.of((hasText ? isText : 0) | (row.by_number === true ? byNumber : 0)),
    text: hasText ? textColumn([v]) : undefined,
    extra: extra === undefined ? undefined : textColumn([extra]),
    names: { get: (id) => (id === 0 ? name : undefined), size: 1, version: 0 },
  }
}
