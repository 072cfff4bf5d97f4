import { z } from 'zod'
import type { EditPatch } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import { encodeCursor } from '../../core/position.ts'
import { callerSignal } from './answer-stream.ts'
import { isApplied } from './applied.ts'
import * as given from './parameters.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

/** `DELETE` and `PATCH /api/v1/readings`: edits, which every sink applies at their place among the rows. */
export function addEdits(server: RestServer, parts: RouteParts): void {
  const querystring = z
    .strictObject({
      device: given.name('device'),
      metric: given.name('metric').optional().describe('Every metric of the device unless given.'),
      from: given.time(parts.clock, 'Begin, inclusive.'),
      to: given.time(parts.clock, 'End, exclusive.'),
    })
    .superRefine(given.beginsBeforeEnd)
  const { textBytes } = parts.limits
  const words = z
    .string()
    .refine((text) => Buffer.byteLength(text) <= textBytes, `must not be longer than ${textBytes} bytes`)
    .refine((text) => text.isWellFormed() && !text.includes('\0'), 'must be Unicode without U+0000')
  // JSON.parse has rounded it already, to which integer nobody knows.
  const number = z
    .number()
    .refine(
      (value) => !Number.isInteger(value) || Number.isSafeInteger(value),
      'must not be an integer of 2^53 or more: it would lose digits',
    )
  const aByte = 'expected a whole number from 0 to 255'
  const body = z
    .strictObject(
      {
        value: z
          .union([number, words], { error: 'expected a number below 2^53, or a text within its limits' })
          .optional(),
        quality: z.int(aByte).min(0, aByte).max(255, aByte).optional(),
      },
      {
        error: ({ code }) =>
          code === 'invalid_type' ? 'expected an object such as {"quality": 0}' : undefined,
      },
    )
    .refine(
      (patch) => patch.value !== undefined || patch.quality !== undefined,
      'expected value, quality or both',
    )
  const shown = z.object({
    applied: z
      .boolean()
      .describe('False where the store needs longer; the edit is safe and will be applied.'),
    cursor: z.string(),
  })
  const shownAnswers = { 200: shown, 202: shown, 400: shownError, 503: shownError }
  const config = { access: 'edit' } as const

  const deletion = { querystring, tags: ['readings'], summary: 'Delete the readings of a range' }
  server.delete(
    '/api/v1/readings',
    { schema: answering(deletion, shownAnswers), config },
    async (request, reply) => {
      const { status, answer } = await apply(
        parts,
        { ...request.query, patch: undefined },
        callerSignal(reply),
      )
      return reply.status(status).send(answer)
    },
  )
  const change = {
    querystring,
    body,
    tags: ['readings'],
    summary: 'Set value or quality of the readings of a range',
  }
  server.patch(
    '/api/v1/readings',
    { schema: answering(change, shownAnswers), config },
    async (request, reply) => {
      const { value, quality } = request.body
      const patch: EditPatch = {
        ...(value === undefined ? {} : { value }),
        ...(quality === undefined ? {} : { quality }),
      }
      const { status, answer } = await apply(parts, { ...request.query, patch }, callerSignal(reply))
      return reply.status(status).send(answer)
    },
  )
}

interface AskedEdit {
  readonly device: string
  readonly metric?: string | undefined
  readonly from: number
  readonly to: number
  readonly patch: EditPatch | undefined
}

/** Makes the edit durable, then waits for the store; what takes too long is told as such, not as failed. */
async function apply(
  { intake, passed }: RouteParts,
  { device, metric, from, to, patch }: AskedEdit,
  gone: AbortSignal,
): Promise<{ status: number; answer: { applied: boolean; cursor: string } }> {
  const code = intake.refusal()
  if (code !== undefined) throw new SluiceError(code, 'no edit can be taken now')
  intake.tick()
  intake.addEdit({ device, metric, from, to, patch })
  const { position } = await intake.durable()
  const cursor = encodeCursor([position])
  const applied = await isApplied(passed, 'readings', position, gone)
  return { status: applied ? 200 : 202, answer: { applied, cursor } }
}
