import { SluiceError } from '../../core/errors.ts'
import { createRoute } from '../../core/format.ts'
import type { LetterRow } from '../../core/letter-replay.ts'
import type { Failure } from './letter-reader.ts'
import type { RestParts } from './rest-parts.ts'

type Parts = Pick<RestParts, 'intake' | 'formats' | 'limits'>
type Reading = Extract<LetterRow, { readonly v: unknown }>
type Document = Exclude<LetterRow, Reading>

/** What a door would refuse of a corrected row. A new series that it names is one of the log's, and counts against the limits. */
export function correctedFault(parts: Parts, row: LetterRow, bytes: Uint8Array): Failure | undefined {
  return 'body' in row ? documentFault(parts, row) : readingFault(parts, row, bytes)
}

function readingFault(parts: Parts, row: Reading, bytes: Uint8Array): Failure | undefined {
  const fault = refusalOf(parts, bytes) ?? kindFault(parts, row)
  if (fault !== undefined || row.extra === undefined) return fault
  const extra = objectOf(row.extra)
  if (extra === undefined)
    return { code: 'invalid-value', field: 'extra', reason: 'expected a JSON object, as text' }
  // At the door its members stand beside the others.
  const { device_id, tag_id, v, q, ts, unit: u = '' } = row
  const whole = refusalOf(parts, Buffer.from(JSON.stringify({ ...extra, device_id, tag_id, v, q, ts, u })))
  return whole === undefined ? undefined : { ...whole, field: 'extra' }
}

/** A row has the form of a record (F6): what the format says of it, without the row. */
function refusalOf({ intake, formats }: Parts, bytes: Uint8Array): Failure | undefined {
  let failure: Failure | undefined
  const mark = intake.mark()
  formats('json')?.decode(
    bytes,
    0,
    bytes.length,
    createRoute('', undefined, undefined),
    intake,
    (refusal) => {
      const { code, reason, field = 'text' } = refusal
      failure ??= { code, reason, field }
    },
  )
  intake.rollback(mark)
  return failure
}

/** A door makes a text of an integer where the series is declared so; a row is what it is. */
function kindFault({ intake }: Parts, { device_id, tag_id, v, unit }: Reading): Failure | undefined {
  try {
    intake.series(device_id, tag_id, typeof v === 'string' ? 'text' : 'number', unit)
    return undefined
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error
    return { code: error.code, reason: error.message, field: 'v' }
  }
}

function documentFault({ intake, limits }: Parts, { key, time, body }: Document): Failure | undefined {
  const tooLong = (text: string, limit: number): string | undefined => {
    const size = Buffer.byteLength(text)
    return size > limit ? `it has ${size} bytes, the limit is ${limit}` : undefined
  }
  const longKey = tooLong(key, limits.topicBytes)
  if (longKey !== undefined) return { code: 'invalid-name', field: 'key', reason: longKey }
  const longBody = tooLong(body, limits.payloadBytes)
  if (longBody !== undefined) return { code: 'invalid-value', field: 'body', reason: longBody }
  return time > intake.now + limits.aheadMicros
    ? { code: 'invalid-time', field: 'time', reason: 'the time lies too far ahead of its receipt' }
    : undefined
}

function objectOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
