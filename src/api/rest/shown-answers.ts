import { z } from 'zod'
import { errorTable } from '../../core/errors.ts'

/** How answers look, for the OpenAPI document. */
export const shownTime = z
  .union([z.number(), z.string()])
  .describe('ms since 1970 with a fraction where there are µs, or RFC 3339 where ?time=rfc3339 asks for it.')
export const shownValue = z.union([z.number(), z.string()])
export const shownQuality = z.int().min(0).max(255).describe('Good 192, uncertain 64, bad 0.')
export const shownNext = z.string().optional().describe('Give it as cursor to go on; absent at the end.')

export const shownAsOf = z
  .string()
  .describe(
    'A live cursor: every reading before it is in the answer, so a subscription on /ws from here goes on without a hole. Of several pages the first says it for all.',
  )

export const shownError = z
  .object({
    error: z.object({
      code: z.enum(Object.keys(errorTable)),
      message: z.string(),
      hint: z.string(),
      requestId: z.string(),
      details: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    }),
  })
  .describe('What went wrong, and what can be done.')

/** What any route but the public ones may answer, beside what it says itself. */
export function failures(method: string | readonly string[]): Readonly<Record<number, z.ZodType>> {
  return {
    401: shownError.describe('Nobody knows who is asking.'),
    403: shownError.describe(
      'The caller may not do this, or comes from a foreign page or by a foreign name.',
    ),
    ...(method === 'GET'
      ? {}
      : {
          413: shownError.describe('The body is too large.'),
          415: shownError.describe('The type of the body is not taken.'),
        }),
    500: shownError.describe('A failure of our own; the log has it under the request id.'),
  }
}
