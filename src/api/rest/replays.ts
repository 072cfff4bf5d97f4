import type { FastifyInstance } from 'fastify'
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { readBound, type ReplayBound, type ReplayDesk } from '../../core/replay.ts'
import type { Clock } from '../../lib/clock.ts'
import { replayAnswer, shownReplay } from '../replay-answer.ts'
import { quoted } from './parameters.ts'
import { answering, reading, type RestServer } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

export interface ReplayRouteParts {
  readonly desk: ReplayDesk
  readonly clock: Clock
}

const access = { access: 'replay' } as const
const tags = ['replays']

/** Starts, shows and ends replays. */
export function addReplays(server: FastifyInstance, parts: ReplayRouteParts): void {
  server.register((scope, _options, done) => {
    scope.setValidatorCompiler(validatorCompiler)
    scope.setSerializerCompiler(serializerCompiler)
    const rest = scope.withTypeProvider<ZodTypeProvider>()
    addStart(rest, parts)
    addViews(rest, parts)
    addEnd(rest, parts)
    done()
  })
}

function addStart(server: RestServer, { desk, clock }: ReplayRouteParts): void {
  const body = z.strictObject(
    {
      sink: componentName.describe('The store or sink that the rows are given to once more.'),
      fromStore: componentName
        .optional()
        .describe(
          'Copy this store instead: what the log no longer holds comes too. Then from and to have no meaning.',
        ),
      from: bound(clock, 'Begin, inclusive: everything that the log holds unless given.').optional(),
      to: bound(clock, 'End, exclusive: where the log stands now unless given.').optional(),
      rate: z
        .number('expected a number of rows a second')
        .min(1, 'must be at least 1')
        .max(1e9)
        .optional()
        .describe('Rows a second; unless given, as many as live traffic leaves room for.'),
      name: componentName.optional().describe('The sink and a number unless given.'),
    },
    {
      error: ({ code }) =>
        code === 'invalid_type' ? 'expected an object such as {"sink": "main"}' : undefined,
    },
  )
  const given = body.superRefine(({ fromStore, from, to }, context) => {
    if (fromStore === undefined) return
    for (const [path, value] of Object.entries({ from, to }))
      if (value !== undefined)
        context.addIssue({ code: 'custom', path: [path], message: 'a copy has no bounds' })
  })
  const schema = answering(
    { body: given, tags, summary: 'Give a sink once more what the log holds, beside live traffic' },
    { 201: shownReplay, 400: shownError, 404: shownError, 409: shownError, 503: shownError },
  )
  server.post('/api/v1/replays', { schema, config: access }, async (request, reply) => {
    const started = await desk.start(request.body, request.principal.name)
    return reply.status(201).send(replayAnswer(started))
  })
}

function addViews(server: RestServer, { desk }: ReplayRouteParts): void {
  const all = answering(
    { querystring: z.strictObject({}), tags, summary: 'Replays that run, and those that have ended' },
    { 200: z.object({ replays: z.array(shownReplay) }), 400: shownError },
  )
  server.get('/api/v1/replays', { schema: all, config: reading }, () => ({
    replays: desk.list().map(replayAnswer),
  }))
  const one = answering(
    { params, querystring: z.strictObject({}), tags, summary: 'How far a replay has come' },
    { 200: shownReplay, 400: shownError, 404: shownError },
  )
  server.get('/api/v1/replays/:name', { schema: one, config: reading }, (request) =>
    replayAnswer(desk.get(request.params.name)),
  )
}

function addEnd(server: RestServer, { desk }: ReplayRouteParts): void {
  const schema = answering(
    {
      params,
      querystring: z.strictObject({}),
      tags,
      summary: 'Cancel a replay that runs, or forget one that has ended; what it has written stays',
    },
    { 200: shownEnd, 400: shownError, 404: shownError, 503: shownError },
  )
  server.delete('/api/v1/replays/:name', { schema, config: access }, async (request, reply) => {
    const { status, forgotten } = await desk.end(request.params.name)
    return reply.send({ ...replayAnswer(status), forgotten })
  })
}

const componentName = z
  .string('expected a name')
  .regex(/^[a-z][a-z0-9-]{0,62}$/, 'expected a name of small letters, digits and dashes')
const params = z.object({ name: componentName })

/** A live cursor, or a time. */
function bound(clock: Clock, description: string): z.ZodType<ReplayBound, string | number> {
  const expected =
    'expected a live cursor, or a time: ms since 1970, RFC 3339 such as 2026-01-15T10:30:00Z, now, or -15m'
  return z
    .union([z.string(), z.number()], { error: expected })
    .transform((given, context) => {
      const found = readBound(String(given), clock.now())
      if (found !== undefined) return found
      context.addIssue({ code: 'custom', message: `${expected}, got ${quoted(String(given))}` })
      return z.NEVER
    })
    .meta({
      type: ['string', 'number'],
      description: `${description} A time is that of writing into the log; a live cursor is exact.`,
      examples: ['-1h', '2026-01-15T10:30:00Z', 1_768_473_000_000],
    })
}

const shownEnd = shownReplay.extend({
  forgotten: z.boolean().describe('True where it had ended and is listed no more.'),
})
