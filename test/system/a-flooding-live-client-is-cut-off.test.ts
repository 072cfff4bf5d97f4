import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { WebSocket } from 'ws'
import { SluiceHttp } from '../support/sluice-http.ts'

const floods: readonly [what: string, code: number, reason: RegExp, counted: string, flood: Flood][] = [
  ['asks', 1008, /^more than 20 frames a second$/, 'flood', (client) => client.send('{"type":"ping"}')],
  ['pings', 1008, /^more than 20 frames a second$/, 'flood', (client) => client.ping()],
  ['answers', 1008, /^more than 20 frames a second$/, 'flood', (client) => client.pong()],
  [
    'sends large frames',
    1008,
    /^more than 65536 bytes a second$/,
    'flood',
    (client) => client.send(' '.repeat(60_000)),
  ],
  ['sends pieces of a frame', 1008, /^$/, 'flood', (client) => client.send('', { fin: false })],
  ['sends a frame that is too large', 1009, /^/, 'tooLarge', (client) => client.send('x'.repeat(65_537))],
  ['sends binary frames', 1008, /^text frames only$/, 'notText', (client) => client.send(Buffer.alloc(1))],
]
type Flood = (client: WebSocket) => void

test('a live client that sends too much is told so and cut off; its neighbour is served', async (t) => {
  const running = await SluiceHttp.start(t)
  const neighbour = await connect(t, running)
  for (const [what, code, reason, counted, flood] of floods) {
    const before = (await live(running)).ended[counted] ?? 0
    const client = await connect(t, running)
    const closed = once(client, 'close') as Promise<[number, Buffer]> // what ws documents
    while (client.readyState === WebSocket.OPEN) {
      for (let i = 0; i < 500 && client.bufferedAmount < 256 * 1024; i++) flood(client)
      await setImmediate()
    }
    const [gotCode, gotReason] = await closed
    assert.equal(gotCode, code, what)
    assert.match(gotReason.toString(), reason, what)
    assert.equal((await live(running)).ended[counted], before + 1, what)

    const answer = once(neighbour, 'message') as Promise<[Buffer]> // what ws documents
    neighbour.send('{"type":"ping"}')
    assert.equal((await answer)[0].toString(), '{"type":"pong"}', what)
  }
  assert.equal((await live(running)).clients, 1, 'only the neighbour is left')
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  assert.match(metrics, /^sluice_live_ended_total\{reason="flood"\} 5$/m)
  assert.match(metrics, /^sluice_live_clients 1$/m)
})

test('the budget of a live client is configuration', async (t) => {
  const running = await SluiceHttp.start(t, { settings: { 'live.framesPerSecond': '0.2' } })
  const client = await connect(t, running)
  const closed = once(client, 'close') as Promise<[number, Buffer]> // what ws documents
  for (let i = 0; i < 5; i++) client.send('{"type":"ping"}')
  const [code, reason] = await closed
  assert.deepEqual([code, reason.toString()], [1008, 'more than 0.2 frames a second'])
})

async function connect(t: TestContext, { url }: SluiceHttp): Promise<WebSocket> {
  const client = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  t.after(() => client.terminate())
  client.on('error', () => undefined) // of writes into a connection that the server has ended
  await once(client, 'message') // hello
  return client
}

async function live(running: SluiceHttp): Promise<{ clients: number; ended: Record<string, number> }> {
  const { live } = await running.get<{ live: { clients: number; ended: Record<string, number> } }>('/status')
  return live
}
