import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import test from 'node:test'
import mqttPacket from 'mqtt-packet'
import { type LoadOptions, runLoad } from './mqtt-load.ts'

const options: Omit<LoadOptions, 'port'> = {
  host: '127.0.0.1',
  connections: 2,
  topics: 50,
  form: 'f5',
  elements: 1,
  window: 300,
  messages: 5_000,
  seconds: 0,
  rate: 0,
  baseSeconds: 1_704_067_200,
}

test('everything sent is acknowledged and counted', async () => {
  await using server = await startServer((_count, id) => puback(id))
  const result = await runLoad({ ...options, port: server.port })
  assert.deepEqual(result.failures, [])
  assert.equal(result.sent, 5_000)
  assert.equal(result.acked, 5_000)
  assert.equal(server.received(), 5_000)
  assert.equal(result.series, 100)
  assert.ok(result.p99Ms >= result.p50Ms && result.p50Ms > 0)
})

test('PUBACKs that arrive one byte at a time are counted', async () => {
  await using server = await startServer((_count, id) => puback(id), 1)
  const result = await runLoad({ ...options, messages: 400, port: server.port })
  assert.equal(result.acked, 400)
})

test('a paced run sends what is due and no faster', async () => {
  await using server = await startServer((_count, id) => puback(id))
  const result = await runLoad({ ...options, messages: 500, rate: 2_000, port: server.port })
  assert.equal(result.acked, 500)
  assert.ok(result.seconds > 0.2, `${result.seconds}`)
})

test('no more than the window is in flight', async () => {
  await using server = await startServer(() => undefined)
  const running = runLoad({ ...options, connections: 1, seconds: 1, messages: 0, port: server.port })
  await server.quiet()
  assert.ok(server.received() > 0 && server.received() <= 300, `${server.received()}`)
  server.closeConnections()
  const result = await running
  assert.equal(result.acked, 0)
  assert.deepEqual(result.failures, ['closed by the server'])
})

test('a connection closed half-way is reported, and what was not acknowledged is not counted', async () => {
  await using server = await startServer((count, id) => (count > 1_000 ? 'close' : puback(id)))
  const result = await runLoad({ ...options, port: server.port })
  assert.ok(result.acked < result.sent, `${result.acked} of ${result.sent}`)
  assert.ok(result.acked <= 1_000)
  assert.ok(result.failures.length > 0)
})

test('a PUBACK for another message than the next one is a failure', async () => {
  await using server = await startServer((count, id) => puback(count === 10 ? id + 1 : id))
  const result = await runLoad({ ...options, connections: 1, port: server.port })
  assert.equal(result.acked, 9)
  assert.match(result.failures.join(), /expected PUBACK 10, got 4002000b/)
})

/** A real MQTT server for one answer at a time; `pieceBytes` cuts what it sends. */
async function startServer(
  answer: (count: number, id: number) => Buffer | 'close' | undefined,
  pieceBytes = Number.POSITIVE_INFINITY,
) {
  let received = 0
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const write = (bytes: Buffer): void => {
      for (let at = 0; at < bytes.length; at += pieceBytes) socket.write(bytes.subarray(at, at + pieceBytes))
    }
    const parser = mqttPacket.parser()
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect')
        write(mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }))
      if (packet.cmd !== 'publish') return
      const reply = answer(++received, packet.messageId ?? 0)
      if (reply === 'close') socket.destroy()
      else if (reply !== undefined && !socket.destroyed) write(reply)
    })
    socket.on('data', (bytes) => {
      if (typeof bytes !== 'string') parser.parse(bytes)
    })
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  assert.ok(address !== null && typeof address !== 'string')
  return {
    port: address.port,
    received: () => received,
    closeConnections: () => {
      for (const socket of sockets) socket.destroy()
    },
    /** Resolves when nothing came for a while. */
    async quiet(): Promise<void> {
      for (let last = -1; last !== received || received === 0; ) {
        last = received
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function puback(messageId: number): Buffer {
  return mqttPacket.generate({ cmd: 'puback', messageId })
}
