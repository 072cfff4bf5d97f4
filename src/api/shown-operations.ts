import { z } from 'zod'

/*
 * What the OpenAPI document says of the operation routes' answers.
 */

const timestamp = z.iso.datetime()
const numbers = z.record(z.string(), z.unknown())

const health = z.object({
  status: z.enum(['healthy', 'degraded']),
  timestamp,
  components: z.record(z.string(), z.string()).describe('Every part by its name.'),
})
const ready = z.object({
  status: z.enum(['ready', 'not_ready']),
  timestamp,
  mqtt: z.boolean().describe('The doors take messages.'),
  database: z.boolean().describe('The stores take rows.'),
})

export const shownHealth = {
  200: health.describe('Every part is well.'),
  503: health.describe('A part is not well.'),
}
export const shownLive = { 200: z.object({ status: z.literal('alive'), timestamp }) }
export const shownReady = {
  200: ready.describe('Messages are taken.'),
  503: ready.describe('Messages are not taken now.'),
}

export const shownStatus = {
  200: z.object({
    service: z.literal('sluice'),
    uptime: z.string(),
    uptime_ms: z.int(),
    ingestion: numbers.describe('As the Nexus historian has it.'),
    mqtt: numbers.describe('As the Nexus historian has it, and the addresses that make the most trouble.'),
    database: numbers.describe('As the Nexus historian has it.'),
    batcher: numbers.describe('As the Nexus historian has it.'),
    addresses: z.record(z.string(), z.string()).describe('Where the doors are.'),
    http: z.record(z.string(), z.int()).describe('Requests with readings, since the start.'),
    live: numbers,
    doors: z
      .record(z.string(), z.record(z.string(), z.int()))
      .describe('Messages by door and outcome, since the start.'),
    log: numbers,
    intake: numbers,
    books: numbers.describe('Of the doors, since the log was created.'),
    sinks: z.array(numbers).describe('Position, backlog and books of each sink and stream.'),
    stores: z.array(numbers),
    replays: z.array(numbers).describe('Progress and books of each replay, as /api/v1/replays has them.'),
    sources: z.array(numbers).describe('State and counts of each source that configuration names.'),
    alarms: z.array(z.looseObject({ code: z.string() })),
  }),
}

export const shownMetrics = {
  200: {
    description: 'Every metric',
    content: { 'text/plain': { schema: z.string() } },
  },
}
