import { z } from 'zod'
import { readDuration, readTime } from '../../core/given-time.ts'
import { maxMicros } from '../../core/limits.ts'
import type { Clock } from '../../lib/clock.ts'
import { decodePage } from './page-cursor.ts'
import { millisText, rfc3339Text } from './query-time.ts'

/** Rows of one answer: asked for where nothing is said, and at most. */
export const standardLimit = 1_000
export const maxLimit = 100_000

/**
 * A parameter as it comes, a text, and what it means. `shown` is what the OpenAPI document says of it.
 * `read` gives undefined for a text that means nothing.
 */
export function parameter<T>(
  read: (text: string) => T | undefined,
  expected: string,
  shown: Readonly<Record<string, unknown>>,
): z.ZodType<T, string> {
  return z
    .string({
      error: ({ input }) =>
        `${input === undefined ? 'is missing' : 'is given more than once'}: expected ${expected}`,
    })
    .transform((text, context) => {
      const value = read(text)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: `expected ${expected}, got ${quoted(text)}` })
      return z.NEVER
    })
    .meta(shown)
}

export const limit = wholeNumber(1, maxLimit)
  .default(standardLimit)
  .describe(`Rows of the answer: ${standardLimit} unless given, at most ${maxLimit}.`)

export function wholeNumber(min: number, max: number): z.ZodType<number, string> {
  const read = (text: string) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN
    return value >= min && value <= max ? value : undefined
  }
  return parameter(read, `a whole number from ${min} to ${max}`, {
    type: 'integer',
    minimum: min,
    maximum: max,
  })
}

/** Names that stand for any, where a caller has given none. */
const exampleNames: Readonly<Record<string, string>> = {
  device: 'pump1',
  metric: 'temperature',
  topic: 'dev/pump1/temperature',
}

/** A device or metric. No name is longer than the limits of intake allow; a longer one is found nowhere. */
export function name(what: string): z.ZodType<string, string> {
  const read = (text: string) =>
    text !== '' && text.length <= maxNameLength && text.isWellFormed() && !text.includes('\0')
      ? text
      : undefined
  const example = exampleNames[what]
  const expected = `the name of a ${what}${example === undefined ? '' : ` such as ${example}`}`
  const examples = example === undefined ? {} : { examples: [example] }
  return parameter(read, expected, { type: 'string', description: `Name of the ${what}.`, ...examples })
}
const maxNameLength = 65_535

export function time(clock: Clock, description: string): z.ZodType<number, string> {
  return parameter(
    (text) => readTime(text, clock.now()),
    'ms since 1970, RFC 3339 such as 2026-01-15T10:30:00Z, now, or a duration before it such as -15m',
    { type: 'string', description, examples: ['-1h', '2026-01-15T10:30:00Z', '1768473000000'] },
  )
}

/** For queries with both bounds of time. */
export function beginsBeforeEnd(
  { from, to }: { readonly from?: number | undefined; readonly to?: number | undefined },
  context: z.RefinementCtx,
): void {
  if (from !== undefined && to !== undefined && from >= to)
    context.addIssue({ code: 'custom', path: ['from'], message: 'must lie before to' })
}

export const duration = parameter(readDuration, 'a duration such as 10s, 1m or 250ms', {
  type: 'string',
  examples: ['1m'],
})

const maxMatchLength = 1_000

/** Words to look for. */
export const match = parameter(
  (text) => (text.length <= maxMatchLength ? text : undefined),
  `words of at most ${maxMatchLength} characters`,
  { type: 'string', maxLength: maxMatchLength },
)

export const timeForm = z
  .enum(['ms', 'rfc3339'], { error: 'expected ms or rfc3339' })
  .default('ms')
  .transform((form) => (form === 'ms' ? millisText : rfc3339Text))
  .meta({
    type: 'string',
    enum: ['ms', 'rfc3339'],
    default: 'ms',
    description: 'How the answer writes times.',
  })

/** A cursor of the given shape, which an earlier answer gave as `next`. */
export function cursor<T>(shape: z.ZodType<T>): z.ZodOptional<z.ZodType<T, string>> {
  const read = (text: string) => shape.safeParse(decodePage(text)).data
  return parameter(read, 'what an earlier answer gave as next', {
    type: 'string',
    description: 'The next of an earlier answer: continue behind it.',
  }).optional()
}

/** A number of the log inside a cursor. */
export const sequence = z
  .string()
  .regex(/^-?\d{1,18}$/)
  .transform(BigInt)

/** Time as a cursor carries it. */
export const cursorTime = z.number().min(-maxMicros).max(maxMicros)

const maxQuoted = 60

export function quoted(text: string): string {
  return JSON.stringify(text.length > maxQuoted ? `${text.slice(0, maxQuoted)}…` : text)
}
