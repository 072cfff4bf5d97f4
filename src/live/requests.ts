import { z } from 'zod'

const notObject = 'a frame must be a JSON object'
const type = 'expected subscribe, unsubscribe or ping'
const expected = 'expected a name or a pattern such as pump-*, or a list of them'
const pattern = z.string().min(1, expected).max(1024, expected)
const patterns = z.union([pattern, z.array(pattern).min(1, expected).max(1000, expected)], expected)
const idExpected = 'expected a text of at most 64 characters, or a number'
const id = z.union([z.string().max(64, idExpected), z.number()], {
  error: ({ input }) => (input === undefined ? `is missing: ${idExpected}` : idExpected),
})
const cursor = 'expected a live cursor, as a frame or the asOf of an answer has it'

/** What a client may say. */
export const requestSchema = z.discriminatedUnion(
  'type',
  [
    z.object({
      type: z.literal('subscribe'),
      /** Names the subscription in every frame of it; one of the same id replaces it. */
      id,
      /** Names or patterns; * stands for any characters. */
      devices: patterns.default('*'),
      metrics: patterns.default('*'),
      /** Go on behind this cursor; without it, from now. */
      from: z.string(cursor).max(1024, cursor).optional(),
    }),
    z.object({ type: z.literal('unsubscribe'), id }),
    z.object({ type: z.literal('ping') }),
  ],
  type,
)

export type LiveRequest = z.output<typeof requestSchema>
export type SubscribeRequest = Extract<LiveRequest, { type: 'subscribe' }>
export type SubscriptionId = z.output<typeof id>

/** A text frame as a request, or what is wrong with it. */
export function parseRequest(text: string): LiveRequest | { readonly fault: string } {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { fault: notObject }
  }
  const result = requestSchema.safeParse(body)
  if (result.success) return result.data
  const faults = result.error.issues.map(({ path, message }) => {
    return path.length === 0 ? notObject : `${path.join('.')}: ${message}`
  })
  return { fault: faults.join('; ') }
}
