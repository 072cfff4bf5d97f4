import { z } from 'zod'
import type { LetterRow } from '../../core/letter-replay.ts'
import { maxMicros } from '../../core/limits.ts'
import { quoted } from './parameters.ts'

const aText = 'expected a text'
const text = z
  .string(aText)
  .refine((value) => value.isWellFormed() && !value.includes('\0'), 'must be Unicode without U+0000')
const name = text.refine((value) => value !== '', 'must not be empty')
const aValue = 'expected a finite number or a text'
const aByte = 'expected a whole number from 0 to 255'
const aTime = 'expected ms since 1970'
const micros = 'expected whole µs since 1970'

const noOther = {
  error: ({ keys }: Readonly<Record<string, unknown>>) =>
    Array.isArray(keys) ? `a row has no member ${quoted(String(keys[0]))}` : 'a row is a JSON object',
}

const readingRow = z.strictObject(
  {
    device_id: name,
    tag_id: name,
    v: z.union([z.number(), text], aValue),
    q: z.int(aByte).min(0, aByte).max(255, aByte),
    ts: z
      .number(aTime)
      .min(-maxMicros / 1000, aTime)
      .max(maxMicros / 1000, aTime),
    unit: text.optional(),
    by_number: z.literal(true, 'expected true').optional(),
    extra: text.optional(),
  },
  noOther,
)

const documentRow = z.strictObject(
  {
    stream: z.string(aText).regex(/^[a-z0-9-]{1,64}$/, 'expected the name of a stream'),
    key: text,
    time: z.int(micros).min(-maxMicros, micros).max(maxMicros, micros),
    body: text,
  },
  noOther,
)

/** The stream of the document that a sink's letter is of; undefined where it is of a reading. @throws SyntaxError */
export function documentStreamOf(original: Buffer): unknown {
  const value: unknown = JSON.parse(original.toString())
  return typeof value === 'object' && value !== null && 'stream' in value ? value.stream : undefined
}

/** The row of a sink's letter, as it was or corrected; or the member that is wrong. */
export function readLetterRow(
  bytes: Uint8Array,
): LetterRow | { readonly field: string; readonly reason: string } {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return { field: 'text', reason: 'a row is a JSON object' }
  }
  const isDocument = typeof value === 'object' && value !== null && 'stream' in value
  const { data, error } = (isDocument ? documentRow : readingRow).safeParse(value)
  if (data !== undefined) return data
  const [issue] = error.issues
  const field = issue?.path.join('.') ?? ''
  return { field: field === '' ? 'text' : field, reason: issue?.message ?? 'is wrong' }
}
