import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import test, { type TestContext } from 'node:test'
import type { FastifyInstance } from 'fastify'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import type { Authorizer } from '../core/authorizer.ts'
import type { ErrorBody } from './error-answer.ts'
import { createServer } from './server.ts'

const anyone = { kind: 'user', name: 'u', roles: [] } as const

async function open(
  t: TestContext,
  options: { authorizer?: Authorizer; hosts?: string[]; origins?: string[] } = {},
): Promise<{ server: FastifyInstance; port: number }> {
  const server = createServer({
    authorizer: options.authorizer ?? localAuthorizer,
    hosts: options.hosts ?? [],
    origins: options.origins ?? [],
    maxBodyBytes: 1_000,
  })
  server.get('/health', { config: { access: 'public' } }, () => ({ fine: true }))
  server.get('/read', { config: { access: 'read' } }, () => ({ fine: true }))
  server.post('/write', { config: { access: 'publish' } }, () => ({ fine: true }))
  server.delete('/bodies', { config: { access: 'edit' } }, ({ body }) => ({ body }))
  server.get('/broken', { config: { access: 'read' } }, () => {
    throw new Error('the password is hunter2')
  })
  t.after(() => server.close())
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  return { server, port: Number(new URL(url).port) }
}

const errorOf = (body: string) => (JSON.parse(body) as ErrorBody).error // a body of another shape fails the test

/** One request with exactly these headers; fetch would not let us lie. */
async function ask(port: number, head: string, body = ''): Promise<{ status: number; body: string }> {
  const socket = net.connect(port, '127.0.0.1')
  socket.end(
    `${head.trim().replaceAll('\n', '\r\n')}\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  await once(socket, 'close')
  const [answer = '', ...rest] = text.split('\r\n\r\n')
  return { status: Number(answer.split(' ')[1]), body: rest.join('\r\n\r\n') }
}

test('a request that names a type of body and has none is as one without', async (t) => {
  const { port } = await open(t)
  const json = 'Host: localhost\nContent-Type: application/json'
  assert.deepEqual(await ask(port, `DELETE /bodies HTTP/1.1\n${json}`), { status: 200, body: '{}' })
  assert.deepEqual(await ask(port, `DELETE /bodies HTTP/1.1\n${json}`, '[1]'), {
    status: 200,
    body: '{"body":[1]}',
  })
  assert.equal((await ask(port, `DELETE /bodies HTTP/1.1\n${json}`, '{"__proto__":{}}')).status, 400)
})

test('a name that is neither of loopback nor listed is not this server, except to probes', async (t) => {
  const { port } = await open(t, { hosts: ['sluice.example'] })
  for (const host of [
    'localhost',
    'localhost:8080',
    '127.0.0.1',
    '127.1.2.3:1',
    '[::1]:8080',
    'LOCALHOST',
    'sluice.example',
    'sluice.example:8080',
  ])
    assert.equal((await ask(port, `GET /read HTTP/1.1\nHost: ${host}`)).status, 200, host)
  for (const host of [
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    'evil.example:80',
    '',
  ]) {
    const { status, body } = await ask(port, `GET /read HTTP/1.1\nHost: ${host}`)
    assert.equal(status, 403, host)
    assert.equal(errorOf(body).code, 'not-allowed')
    assert.equal((await ask(port, `GET /health HTTP/1.1\nHost: ${host}`)).status, 200)
  }
})

test('what is not GET must come from here, from a listed origin, or from no page at all', async (t) => {
  const { port } = await open(t, { origins: ['https://app.example'] })
  const post = (headers: string) => ask(port, `POST /write HTTP/1.1\nHost: localhost:8080\n${headers}`)
  for (const headers of [
    'X-None: 1',
    'Origin: https://app.example',
    'Origin: http://localhost:8080',
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Site: none',
  ])
    assert.equal((await post(headers)).status, 200, headers)
  for (const headers of [
    'Origin: https://evil.example',
    'Origin: null',
    'Origin: http://localhost:8081',
    'Sec-Fetch-Site: cross-site',
    'Origin: https://app.example.evil.example',
  ])
    assert.equal((await post(headers)).status, 403, headers)
  // A page may ask to read, but an upgrade is no reading.
  const foreign = 'GET /read HTTP/1.1\nHost: localhost\nOrigin: https://evil.example'
  assert.equal((await ask(port, foreign)).status, 200)
  assert.equal((await ask(port, `${foreign}\nUpgrade: websocket`)).status, 403)
})

test('a request that a proxy passed on is nobody of this machine', async (t) => {
  const { port } = await open(t)
  for (const header of [
    'Forwarded: for=1.2.3.4',
    'X-Forwarded-For: 127.0.0.1',
    'X-Real-IP: 1.2.3.4',
    'Via: 1.1 proxy',
    'X-Forwarded-Proto: https',
  ]) {
    const { status, body } = await ask(port, `GET /read HTTP/1.1\nHost: localhost\n${header}`)
    assert.equal(status, 401, header)
    assert.equal(errorOf(body).code, 'not-authenticated')
    assert.equal((await ask(port, `GET /health HTTP/1.1\nHost: localhost\n${header}`)).status, 200)
  }
})

test('the authorizer is asked for every route, with its action and the device that the query names', async (t) => {
  const asked: string[] = []
  const { port } = await open(t, {
    authorizer: {
      anonymous: () => anyone,
      named: () => anyone,
      decide: (principal, door, action, resource) => {
        asked.push(`${principal.name} ${door} ${action} ${resource}`)
        return { allowed: false, reason: 'no' }
      },
    },
  })
  const read = await ask(port, 'GET /read?device=pump%201 HTTP/1.1\nHost: localhost')
  assert.deepEqual([read.status, errorOf(read.body).code], [403, 'not-allowed'])
  assert.equal((await ask(port, 'POST /write?device=a&device=b HTTP/1.1\nHost: localhost')).status, 403)
  assert.equal((await ask(port, 'GET /health HTTP/1.1\nHost: localhost')).status, 200)
  assert.equal((await ask(port, 'GET /none HTTP/1.1\nHost: localhost')).status, 404)
  assert.deepEqual(asked, ['u http read pump 1', 'u http publish *'])
})

test('a server with a route that has no access rule, or a public one that is not listed, does not start', async () => {
  for (const config of [{}, { access: 'public' }] as const) {
    const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
    server.get('/forgotten', { config }, () => 'secret')
    await assert.rejects(async () => server.ready(), /forgotten/)
    await server.close()
  }
})

test('a failure of our own tells its request id and nothing else', async (t) => {
  const reports: unknown[] = []
  const server = createServer({
    authorizer: localAuthorizer,
    hosts: [],
    origins: [],
    maxBodyBytes: 1_000,
    report: (error, id) => reports.push([String(error), id]),
  })
  server.get('/broken', { config: { access: 'read' } }, () => {
    throw new Error('the password is hunter2')
  })
  t.after(() => server.close())
  const response = await server.inject({ url: '/broken', headers: { host: 'localhost' } })
  const error = errorOf(response.body)
  assert.deepEqual([response.statusCode, error.code], [500, 'internal'])
  assert.ok(!response.body.includes('hunter2'))
  assert.deepEqual(reports, [['Error: the password is hunter2', error.requestId]])
})

test('bytes that are no HTTP, and addresses that are none, get the one error shape', async (t) => {
  const { port } = await open(t)
  for (const bytes of [
    'garbage',
    'GET',
    '\x16\x03\x01\x02\x00\x01',
    'GET / HTTP/1.1\nHost: localhost\nContent-Length: x',
  ]) {
    const { status, body } = await ask(port, bytes)
    assert.equal(status, 400, bytes)
    assert.equal(errorOf(body).code, 'bad-request')
  }
  for (const path of ['/%', '/a%ff', `/${'x'.repeat(3_000)}`]) {
    const { status, body } = await ask(port, `GET ${path} HTTP/1.1\nHost: localhost`)
    assert.ok(status === 400 || status === 404, `${path}: ${status}`)
    assert.ok(errorOf(body).hint)
  }
  assert.equal((await ask(port, 'GET /read HTTP/1.1\nHost: localhost')).status, 200)
})

test('closing waits for answers under way, and for no connection that is only kept open', async () => {
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  const asked = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  server.get('/slow', { config: { access: 'read' } }, async () => {
    asked.resolve()
    await finish.promise
    return { fine: true }
  })
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const kept = net.connect(Number(new URL(url).port), '127.0.0.1')
  await once(kept, 'connect')
  const answer = fetch(`${url}/slow`)
  await asked.promise
  const closing = server.close()
  await once(kept, 'close')
  finish.resolve()
  assert.equal((await answer).status, 200)
  await closing
})
