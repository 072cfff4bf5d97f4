import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { Clock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import { ratesBetween, type WatchedTraffic } from '../rates.ts'
import type { Snapshot } from '../snapshot.ts'
import { AnswerGate } from './answer-gate.ts'
import { callerSignal } from './answer-stream.ts'
import * as given from './parameters.ts'
import { answering, reading } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

export interface TopParts {
  snapshot(): Snapshot
  /** Begins to count what MQTT clients send; what it returns ends that. */
  watch(): (limit: number) => WatchedTraffic
  readonly clock: Clock
}

/** Those who watch at once: each has counters of its own. */
const maxWatchers = 4
const maxSeconds = 10
const maxNames = 100

/** What flows just now. The server measures while it is asked, so an answer takes as long as it covers, and costs nothing when nobody asks. */
export function addTop(server: FastifyInstance, { snapshot, watch, clock }: TopParts): void {
  const watchers = new AnswerGate(maxWatchers)
  const querystring = z.strictObject({
    seconds: given.wholeNumber(1, maxSeconds).default(1).describe('How long to measure: 1 unless given.'),
    limit: given
      .wholeNumber(1, maxNames)
      .default(20)
      .describe('Clients and topics: the busiest 20 unless given.'),
  })
  const schema = answering(
    { querystring, tags: ['operations'], summary: 'What flows now: rates by source, client, topic and sink' },
    { 200: shownTop, 400: shownError, 503: shownError },
  )
  server.register((scope, _options, done) => {
    scope.setValidatorCompiler(validatorCompiler)
    scope.setSerializerCompiler(serializerCompiler)
    scope
      .withTypeProvider<ZodTypeProvider>()
      .get('/api/v1/top', { schema, config: reading }, async (request, reply) => {
        const { seconds, limit } = request.query
        watchers.enter()
        const end = watch()
        const before = snapshot()
        const from = clock.monotonicMs()
        let traffic: WatchedTraffic
        try {
          await wait(seconds * 1000, callerSignal(reply))
        } finally {
          traffic = end(limit)
          watchers.leave()
        }
        return ratesBetween(before, snapshot(), traffic, (clock.monotonicMs() - from) / 1000)
      })
    done()
  })
}

const perSecond = z.number()
const named = z.array(z.object({ name: z.string(), messagesPerSecond: perSecond, bytesPerSecond: perSecond }))

const shownTop = z.object({
  seconds: z.number().describe('Between the two looks.'),
  rowsPerSecond: perSecond.describe('Rows through all doors.'),
  lagSeconds: z.number().describe('How long the oldest rows wait that the main store does not hold.'),
  isSampled: z
    .boolean()
    .describe(
      'More than 20,000 messages came: of those behind them one in 16 was drawn for clients and topics.',
    ),
  sources: z.array(
    z.object({
      name: z.string(),
      state: z.string(),
      lag: z.number().optional().describe('Messages that wait at its server.'),
      acceptedPerSecond: perSecond,
      deadLetteredPerSecond: perSecond,
      refusedPerSecond: perSecond,
    }),
  ),
  clients: named.describe('The busiest MQTT clients.'),
  topics: named.describe('The busiest MQTT topics.'),
  sinks: z.array(
    z.object({
      name: z.string(),
      stream: z.string(),
      state: z.string(),
      failures: z.int(),
      error: z.string().optional(),
      backlog: z.int().optional().describe('Rows it has not taken; none until it has said where it stands.'),
      rowsPerSecond: perSecond,
    }),
  ),
  slowClients: z
    .array(
      z.object({
        clientId: z.string(),
        address: z.string(),
        waitingBytes: z.int().describe('That its connection has not taken.'),
        unacknowledged: z
          .int()
          .describe('Messages of QoS 1 and 2 that it was sent and has not finished with.'),
        queuedBytes: z.int().describe('Of all messages of QoS 1 and 2 that it has not finished with.'),
        stalledMs: z.number(),
      }),
    )
    .describe(
      'MQTT clients that have not taken what waits for them, or have acknowledged nothing for a second; those that did neither for longest first.',
    ),
  live: z.object({ clients: z.int(), subscriptions: z.int() }),
  connections: z.int().describe('MQTT connections.'),
})
