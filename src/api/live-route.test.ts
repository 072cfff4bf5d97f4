import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import { addLiveRoute } from './live-route.ts'
import { createServer } from './server.ts'

test('an upgrade that is refused is answered and its connection ends, so that the server can close', async () => {
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  await addLiveRoute(server, 1_000, (socket) => socket.send('hello'))
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  for (const [path, headers, status] of [
    ['/ws', { origin: 'https://evil.example' }, '403'],
    ['/ws', { host: 'evil.example' }, '403'],
    ['/ws', { 'x-forwarded-for': '10.0.0.7' }, '401'],
    ['/nothing', {}, '404'],
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
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    await once(socket, 'end') // by the server: this side goes on writing
    assert.equal(text.split(' ')[1], status, path)
    assert.match(text, /"error":\{"code"/)
  }
  const taken = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  const [greeting] = (await once(taken, 'message')) as [Buffer] // what ws documents
  assert.equal(greeting.toString(), 'hello')
  taken.terminate()
  await server.close()
})

test('a client that reads nothing does not keep the server from closing', async () => {
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  await addLiveRoute(server, 1_000, (socket) => socket.send('hello'))
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  const client = new WebSocket(`ws://127.0.0.1:${port}/ws`)
  await once(client, 'message')
  client.pause()
  const start = performance.now()
  await server.close()
  assert.ok(performance.now() - start < 5_000)
  client.terminate()
})
