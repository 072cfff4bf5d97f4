import { z } from 'zod'
import { errorTable } from '../../core/errors.ts'
import { maxMicros } from '../../core/limits.ts'
import type { DocumentQuery } from '../../core/store.ts'
import type { Clock } from '../../lib/clock.ts'
import * as given from './parameters.ts'

/** Letters looked at for one answer, whether they fit the filters or not: a rare one is found page by page. */
export const maxLooked = 100_000

const codes = Object.keys(errorTable)

/** Parameters that say which letters are meant, to be held to `beginsBeforeEnd` too. */
export function letterFilter(clock: Clock) {
  return {
    device: given.name('device').optional(),
    source: given
      .name('source')
      .optional()
      .describe('The door it came through, or the sink that refused it.'),
    code: z
      .enum(codes, {
        error: ({ input }) => `expected one of ${codes.join(', ')}, got ${given.quoted(String(input))}`,
      })
      .optional(),
    from: given.time(clock, 'Begin, inclusive; everything unless given.').optional(),
    to: given.time(clock, 'End, exclusive; everything unless given.').optional(),
  }
}

export type Wanted = Readonly<Partial<Record<'device' | 'source' | 'code', string | undefined>>>

/** Members of a letter's body, as intake writes them. */
export const letterBody = z.object({
  code: z.string(),
  reason: z.string(),
  source: z.string(),
  device: z.string().optional(),
  topic: z.string().optional(),
  offset: z
    .string()
    .optional()
    .describe(
      'Where its source has it: topic[partition]@offset of Kafka, the offset in a stream of RabbitMQ.',
    ),
  format: z
    .string()
    .optional()
    .describe('What it was read as, or the content type that nobody reads; JSON where it is absent.'),
  principal: z.string().optional(),
  key: z.string().optional(),
  bytes: z.base64(),
})

export type LetterBody = z.output<typeof letterBody>

/** The letters that may be meant; what the store finds is looked at closely afterwards. */
export function letterQuery(
  {
    from = -maxMicros,
    to = maxMicros,
    ...wanted
  }: Wanted & { readonly from?: number | undefined; readonly to?: number | undefined },
  before: bigint | undefined,
): DocumentQuery {
  return {
    stream: 'dead-letters',
    key: undefined,
    from,
    to,
    match: matchOf(wanted),
    limit: maxLooked,
    before,
  }
}

/** Words of the body by which the store can leave out most letters. */
function matchOf({ device, code, source }: Wanted): string | undefined {
  if (device !== undefined) return `"device":${JSON.stringify(device)}`
  if (code !== undefined) return `"code":"${code}"`
  return source === undefined ? undefined : `"source":${JSON.stringify(source)}`
}

/** A document of the stream as a letter; undefined where it is none, or another than meant. */
export function readLetter(body: string, wanted: Wanted): LetterBody | undefined {
  const { data: letter } = letterBody.safeParse(parsed(body))
  if (letter === undefined) return undefined
  if (wanted.device !== undefined && letter.device !== wanted.device) return undefined
  if (wanted.source !== undefined && letter.source !== wanted.source) return undefined
  if (wanted.code !== undefined && letter.code !== wanted.code) return undefined
  return letter
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
