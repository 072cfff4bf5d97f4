import { z } from 'zod'

const expected = 'expected a name or a pattern such as pump-*, or a list of them'
const pattern = z.string().min(1, expected).max(1024, expected)
const patterns = z.union([pattern, z.array(pattern).min(1, expected).max(1000)], expected)
const id = z.union([z.string().max(64), z.number()])

/** What a client may say. */
export const requestSchema = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('subscribe'),
    /** Names the subscription in every frame of it; one of the same id replaces it. */
    id,
    /** Names or patterns; * stands for any characters. */
    devices: patterns.default('*'),
    metrics: patterns.default('*'),
    /** Go on behind this cursor; without it, from now. */
    from: z.string().max(1024).optional(),
  }),
  z.object({ type: z.literal('unsubscribe'), id }),
  z.object({ type: z.literal('ping') }),
])

export type LiveRequest = z.output<typeof requestSchema>
export type SubscribeRequest = Extract<LiveRequest, { type: 'subscribe' }>
export type SubscriptionId = z.output<typeof id>

/** A text frame as a request, or what is wrong with it. */
export function parseRequest(text: string): LiveRequest | { readonly fault: string } {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return { fault: 'a frame must be a JSON object' }
  }
  const result = requestSchema.safeParse(body)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  return { fault: `${issue?.path.join('.') || 'frame'}: ${issue?.message ?? 'not understood'}` }
}
