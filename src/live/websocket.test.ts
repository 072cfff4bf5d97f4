import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { WebSocket, WebSocketServer } from 'ws'
import { LiveHub, type LiveSource } from './hub.ts'
import { systemClock } from '../lib/clock.ts'
import { WebSocketDoor } from './websocket.ts'

const log = '00000000-0000-4000-8000-000000000000'

/** A log in which nothing happens. */
const silence: LiveSource = {
  position: () => ({ log, partition: 0, next: 0n }),
  first: () => 0n,
  async *consume() {
    yield* []
  },
}

const pings: readonly [what: string, ping: (client: WebSocket) => void][] = [
  ['asks', (client) => client.send('{"type":"ping"}')],
  ['pings', (client) => client.ping(Buffer.alloc(100))],
]
for (const [what, ping] of pings) {
  test(`a client that ${what} without end and reads nothing holds little memory, and is answered when it reads`, async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong: false })
    await once(server, 'listening')
    const hub = new LiveHub(silence, { subscriptionsPerClient: 1 })
    const door = new WebSocketDoor(hub, { framesPerSecond: 1e9, bytesPerSecond: 1e9 }, systemClock)
    server.on('connection', (socket, request) => door.serve(socket, request.socket))
    const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`) // it listens on TCP
    await once(client, 'open')
    client.pause()
    const [peer] = server.clients
    // Far more than the buffers of the system between the two can take.
    let sent = 0
    const isHeld = () => peer?.isPaused === true && client.bufferedAmount > 1024 * 1024
    for (const end = performance.now() + 20_000; !isHeld() && performance.now() < end; ) {
      for (let i = 0; i < 1_000 && client.bufferedAmount < 2 * 1024 * 1024; i++, sent++) ping(client)
      await setImmediate()
    }
    assert.ok(isHeld(), `the server does not stop reading; it holds ${peer?.bufferedAmount} bytes`)
    assert.ok((peer?.bufferedAmount ?? 0) < 1024 * 1024, `${peer?.bufferedAmount} bytes wait in the server`)

    let answers = 0
    const answered = new Promise<void>((resolve) => {
      const count = (data?: Buffer) => {
        if (!data?.includes('hello') && ++answers === sent) resolve()
      }
      client.on('message', count)
      client.on('pong', count)
    })
    client.resume()
    await answered
    client.terminate()
    hub.close()
    server.close()
  })
}
