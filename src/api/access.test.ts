import assert from 'node:assert/strict'
import os from 'node:os'
import test from 'node:test'
import type { RouteOptions } from 'fastify'
import { HttpDoor } from '../../test/support/http-door.ts'
import { openRestDoor } from '../../test/support/rest-door.ts'
import { systemClock } from '../lib/clock.ts'
import { addDocumentation } from './documentation.ts'
import { addLiveRoute } from './live-route.ts'
import { addMetrics } from './metrics.ts'
import { addOperations } from './operations.ts'
import { addTop } from './rest/top.ts'
import { addWebApp } from './web-app.ts'

/** Every route with its rule. A new one must be entered here; which action it asks for is a decision, not an accident. */
const rules: Readonly<Record<string, string>> = {
  'GET /health': 'public',
  'HEAD /health': 'public',
  'GET /health/live': 'public',
  'HEAD /health/live': 'public',
  'GET /health/ready': 'public',
  'HEAD /health/ready': 'public',
  'GET /metrics': 'public',
  'GET /status': 'read',
  'POST /api/v1/readings': 'publish',
  'GET /api/v1/readings': 'read',
  'DELETE /api/v1/readings': 'edit',
  'PATCH /api/v1/readings': 'edit',
  'GET /api/v1/devices': 'read',
  'GET /api/v1/series': 'read',
  'GET /api/v1/latest': 'read',
  'GET /api/v1/export': 'read',
  'GET /api/v1/top': 'read',
  'GET /api/v1/documents/:stream': 'read',
  'GET /api/v1/dead-letters': 'dead-letters',
  'DELETE /api/v1/dead-letters': 'dead-letters',
  'GET /api/v1/dead-letters/:id': 'dead-letters',
  'DELETE /api/v1/dead-letters/:id': 'dead-letters',
  'POST /api/v1/dead-letters/:id/replay': 'replay',
  'POST /api/v1/dead-letters/replay': 'replay',
  'GET /api/v1/dead-letters/export': 'dead-letters',
  'GET /api/history': 'read',
  'GET /openapi.json': 'read',
  'GET /swagger': 'read',
  'GET /swagger/*': 'read',
  'GET /ws': 'read',
  'GET /': 'read',
  'GET /app': 'read',
  'GET /app/*': 'read',
}

/** Routes of the API that need no store. */
const atDoor = ['POST /api/v1/readings', 'GET /api/v1/top']

test('every route has the access rule written here, and answers nobody without that right', async (t) => {
  const asked: string[] = []
  // Fastify goes on to change what it shows here: the url is right now, the config in the end.
  const routes: [url: string, route: RouteOptions][] = []
  const watch = (server: Parameters<typeof addMetrics>[0]) => {
    server.addHook('onRoute', (route) => {
      routes.push([route.url, route])
    })
  }
  const nobody = {
    anonymous: () => ({ kind: 'user', name: 'nobody', roles: [] }) as const,
    named: () => ({ kind: 'user', name: 'nobody', roles: [] }) as const,
    decide: (_principal: unknown, _door: unknown, action: string) => {
      asked.push(action)
      return { allowed: false, reason: 'nobody may' } as const
    },
  }
  const operations = {
    health: () => ({ healthy: true, components: {} }),
    ready: () => ({ ready: true, mqtt: true, database: true }),
    status: () => ({}),
  }
  const never = () => assert.fail('nobody gets this far')
  const metrics = { commit: never, write: never, endToEnd: never, text: async () => '' }
  await using door = await HttpDoor.open({
    authorizer: nobody,
    before: watch,
    add: async (server) => {
      await addDocumentation(server, '0.0.0')
      addOperations(server, operations)
      addMetrics(server, metrics)
      addTop(server, { snapshot: never, watch: never, clock: systemClock })
      addLiveRoute(server, 1_000, never)
      await addWebApp(server, os.tmpdir())
    },
  })
  const rest = await openRestDoor(t, undefined, { authorizer: nobody, before: watch })

  const found = new Map<string, string | undefined>(
    routes.flatMap(([url, { method, config }]) =>
      [method].flat().map((one) => [`${one} ${url}`, config?.access] as const),
    ),
  )
  // The page at /docs has many files of its own, all with one rule.
  for (const [route, access] of found) {
    if (route.includes(' /docs')) assert.equal(access, 'read', route)
    else assert.equal(access, rules[route], route)
  }
  assert.deepEqual(
    Object.keys(rules).filter((route) => !found.has(route)),
    [],
  )

  for (const [route, access] of found) {
    const [method = '', path = ''] = route.split(' ')
    const url = path.startsWith('/api/') && !atDoor.includes(route) ? rest.url : door.url
    asked.length = 0
    const response = await fetch(url + path.replace(':stream', 'posts').replace('*', 'x'), {
      method,
      redirect: 'manual',
    })
    assert.equal(response.status, access === 'public' ? 200 : 403, route)
    assert.deepEqual(asked, access === 'public' ? [] : [access], route)
  }
})
