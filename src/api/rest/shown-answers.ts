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
