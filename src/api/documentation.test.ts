import assert from 'node:assert/strict'
import test from 'node:test'
import { openRestDoor } from '../../test/support/rest-door.ts'

test('the OpenAPI document names every route with its parameters, and the page has its assets here', async (t) => {
  const door = await openRestDoor(t)
  const { body } = await door.get('/openapi.json')
  const { paths } = body as {
    paths: Record<
      string,
      Record<string, { parameters?: { name: string; in: string }[]; responses: object; summary: string }>
    >
  }
  assert.deepEqual(Object.keys(paths).sort(), [
    '/api/history',
    '/api/v1/dead-letters',
    '/api/v1/dead-letters/export',
    '/api/v1/dead-letters/replay',
    '/api/v1/dead-letters/{id}',
    '/api/v1/dead-letters/{id}/replay',
    '/api/v1/devices',
    '/api/v1/documents/{stream}',
    '/api/v1/export',
    '/api/v1/latest',
    '/api/v1/readings',
    '/api/v1/series',
  ])
  assert.deepEqual(Object.keys(paths['/api/v1/readings'] ?? {}).sort(), ['delete', 'get', 'patch'])
  const parameters = paths['/api/v1/readings']?.['get']?.parameters ?? []
  assert.deepEqual(parameters.map(({ name }) => name).sort(), [
    'aggregate',
    'cursor',
    'device',
    'from',
    'limit',
    'metric',
    'order',
    'step',
    'time',
    'to',
  ])
  for (const routes of Object.values(paths))
    for (const route of Object.values(routes)) {
      assert.ok(route.summary)
      assert.ok('400' in route.responses && '200' in route.responses)
    }

  const docs = await door.get('/docs')
  assert.equal(docs.status, 200)
  const links = [...String(docs.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '')
  assert.ok(links.length >= 4)
  for (const link of links) {
    assert.ok(!/^(https?:)?\/\//.test(link), `${link} is elsewhere`)
    assert.equal((await door.get(new URL(link, `${door.url}/docs/`).pathname)).status, 200, link)
  }
  assert.match(String(docs.body), /<title>Sluice/)
  const setup = String((await door.get('/docs/static/swagger-initializer.js')).body)
  assert.match(setup, /"urls":\[\{"url":"\/openapi\.json"/)
  assert.match(setup, /Replace the logo/)
  const moved = await fetch(`${door.url}/swagger/index.html`, { redirect: 'manual' })
  assert.deepEqual([moved.status, moved.headers.get('location')], [302, '/docs'])
})
