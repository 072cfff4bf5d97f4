import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import { addLiveRoute } from './live-route.ts'
import { createServer } from './server.ts'

test('an upgrade that is refused is answered and its connection ends, so that the server can close', async () => {
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  addLiveRoute(server, 1_000, (socket) => socket.send('hello'))
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  for (const [path, headers, status] of [
    ['/ws', { origin: 'https://evil.example' }, '403'],
    ['/ws', { host: 'evil.example' }, '403'],
    ['/ws', { 'x-forwarded-for': '10.0.0.7' }, '401'],
  ] as const) {
    const socket = net.connect(Number(port), '127.0.0.1')
    const lines = Object.entries({
      host: 'localhost',
      connection: 'upgrade',
      upgrade: 'websocket',
      ...headers,
    })
    socket.write(
      `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
    )
    let answer = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      answer += part
    })
    await once(socket, 'end') // by the server: this side goes on writing
    assert.equal(answer.split(' ')[1], status, path)
    assert.match(answer, /"error":\{"code"/)
  }
  const taken = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const [greeting] = (await once(taken, 'message')) as [Buffer] // what ws documents
  assert.equal(greeting.toString(), 'hello')
  taken.terminate()
  await server.close()
})

test('a client that reads nothing does not keep the server from closing', async () => {
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  addLiveRoute(server, 1_000, (socket) => socket.send('hello'))
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  await once(client, 'message')
  client.pause()
  const start = performance.now()
  await server.close()
  assert.ok(performance.now() - start < 5_000)
  client.terminate()
})

test('nothing but /ws is a WebSocket: elsewhere an upgrade is answered, wherever the route was added', async (t) => {
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  t.after(() => server.close())
  server.get('/metrics', { config: { access: 'public' } }, () => 'fine')
  await server.register(async (scope) => {
    scope.get('/within', { config: { access: 'read' } }, () => 'fine')
  })
  addLiveRoute(server, 1_000, () => assert.fail('this is no live client'))
  server.get('/after', { config: { access: 'read' } }, () => 'fine')
  server.post('/write', { config: { access: 'publish' } }, ({ body }) => ({ body }))
  const url = await server.listen({ host: '127.0.0.1', port: 0 })
  const ask = async (method: string, path: string, headers: Readonly<Record<string, string>>, body = '') => {
    const request = http.request(url + path, { method, headers })
    request.end(body)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage] // what node:http documents
    return { status: response.statusCode, text: await text(response) }
  }
  const upgrade = { connection: 'upgrade', upgrade: 'WebSocket' }
  for (const route of [
    'GET /metrics',
    'GET /within',
    'GET /after',
    'GET /nothing',
    'POST /write',
    'POST /ws',
  ]) {
    const [method = '', path = ''] = route.split(' ')
    const answer = await ask(method, path, upgrade)
    assert.equal(answer.status, 404, route)
    assert.match(answer.text, new RegExp(`there is no WebSocket at ${route};`), route)
  }
  const plain = await ask('GET', '/ws', {})
  assert.equal(plain.status, 404)
  assert.match(plain.text, /is a WebSocket/)
  // Clients that can do HTTP/2 offer it with every request, and mean the request.
  const h2c = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' }
  const json = { 'content-type': 'application/json' }
  assert.deepEqual(await ask('POST', '/write', { ...h2c, ...json }, '[1]'), {
    status: 200,
    text: '{"body":[1]}',
  })
  assert.deepEqual(await ask('GET', '/within', h2c), { status: 200, text: 'fine' })
})
