import type { FastifyInstance } from 'fastify'
import { type Clock, systemClock } from '../lib/clock.ts'
import { shownHealth, shownLive, shownReady, shownStatus } from './shown-operations.ts'

/** What the operation routes show; the composition root measures it. */
export interface Operations {
  /** Components by name, for /health. */
  health(): { readonly healthy: boolean; readonly components: Readonly<Record<string, string>> }
  /**
   * Ready to take messages and keep them: intake is open. A store that is away, or opens still, does not make it unready, the log keeps
   * its rows; `database` tells of it.
   */
  ready(): { readonly ready: boolean; readonly mqtt: boolean; readonly database: boolean }
  status(): object
}

const forProbes = (summary: string, response: object) =>
  ({
    config: { access: 'public', shown: { tags: ['operations'], summary, response } },
    exposeHeadRoute: true,
  }) as const

/** Health and status, in the documented forms of NX. */
export function addOperations(
  server: FastifyInstance,
  operations: Operations,
  clock: Clock = systemClock,
): void {
  const timestamp = () => new Date(clock.now() / 1000).toISOString()
  server.get(
    '/health',
    forProbes('Health of every part; 503 where one is not well', shownHealth),
    (_request, reply) => {
      const { healthy, components } = operations.health()
      const status = healthy ? 'healthy' : 'degraded'
      return reply.status(healthy ? 200 : 503).send({ status, timestamp: timestamp(), components })
    },
  )
  server.get('/health/live', forProbes('The process runs', shownLive), () => ({
    status: 'alive',
    timestamp: timestamp(),
  }))
  server.get(
    '/health/ready',
    forProbes('Messages are taken; 503 where not', shownReady),
    (_request, reply) => {
      const { ready, mqtt, database } = operations.ready()
      const status = ready ? 'ready' : 'not_ready'
      return reply.status(ready ? 200 : 503).send({ status, timestamp: timestamp(), mqtt, database })
    },
  )
  const shown = {
    tags: ['operations'],
    summary: 'Log, doors, stores, sinks, books and alarms',
    response: shownStatus,
  }
  server.get('/status', { config: { access: 'read', shown } }, () => operations.status())
}
