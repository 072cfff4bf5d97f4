import type { FastifyInstance } from 'fastify'

/** What the operation routes show; the composition root measures it. */
export interface Operations {
  /** Components by name, for /health. */
  health(): { readonly healthy: boolean; readonly components: Readonly<Record<string, string>> }
  /** Ready to take messages and keep them: intake is open. A store that is away does not make it unready, the log keeps its rows. */
  ready(): { readonly ready: boolean; readonly mqtt: boolean; readonly database: boolean }
  status(): object
}

/** Health and status, in the documented forms of NX. */
export function addOperations(server: FastifyInstance, operations: Operations): void {
  server.get('/health', (_request, reply) => {
    const { healthy, components } = operations.health()
    const status = healthy ? 'healthy' : 'degraded'
    return reply.status(healthy ? 200 : 503).send({ status, timestamp: new Date().toISOString(), components })
  })
  server.get('/health/live', () => ({ status: 'alive', timestamp: new Date().toISOString() }))
  server.get('/health/ready', (_request, reply) => {
    const { ready, mqtt, database } = operations.ready()
    const timestamp = new Date().toISOString()
    return ready ? { status: 'ready', timestamp } : reply.status(503).send({ status: 'not_ready', timestamp, mqtt, database })
  })
  server.get('/status', () => operations.status())
}
