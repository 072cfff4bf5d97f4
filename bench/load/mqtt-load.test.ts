import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { puback, startMqttServer } from '../../test/support/mqtt-server.ts'
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
  await using server = await startMqttServer(({ packet }) => puback(packet.messageId))
  const result = await runLoad({ ...options, port: server.port })
  assert.deepEqual(result.failures, [])
  assert.equal(result.sent, 5_000)
  assert.equal(result.acked, 5_000)
  assert.equal(server.received(), 5_000)
  assert.equal(result.series, 100)
  assert.ok(result.p99Ms >= result.p50Ms && result.p50Ms > 0)
})

test('spoiled messages go in their places and are counted apart', async () => {
  let spoiled = 0
  await using server = await startMqttServer(({ packet }) => {
    if (packet.payload.toString() === 'bad') spoiled++
    return puback(packet.messageId)
  })
  const spoil = (connection: number, slot: number) =>
    connection === 1 && slot % 50 === 7 ? Buffer.from('bad') : undefined
  const result = await runLoad({ ...options, messages: 4_990, spoil, port: server.port })
  assert.equal(result.acked, 4_990)
  assert.deepEqual(result.spoiled, [0, 50])
  assert.equal(spoiled, 50)
  assert.equal(result.ackedRows, 4_940)
})

test('PUBACKs that arrive one byte at a time are counted', async () => {
  await using server = await startMqttServer(({ packet }) => puback(packet.messageId), { pieceBytes: 1 })
  const result = await runLoad({ ...options, messages: 400, port: server.port })
  assert.equal(result.acked, 400)
})

test('a paced run sends what is due and no faster', async () => {
  await using server = await startMqttServer(({ packet }) => puback(packet.messageId))
  const result = await runLoad({ ...options, messages: 500, rate: 2_000, port: server.port })
  assert.equal(result.acked, 500)
  assert.ok(result.seconds > 0.2, `${result.seconds}`)
})

test('a paced run that is stopped sends nothing more, and all of it is acknowledged', async () => {
  await using server = await startMqttServer(({ packet }) => puback(packet.messageId))
  const stop = new AbortController()
  const paced = { ...options, messages: 0, seconds: 3_600, rate: 2_000, port: server.port }
  const running = runLoad({ ...paced, stop: stop.signal })
  while (server.received() < 100) await setTimeout(5)
  stop.abort()
  const result = await running
  assert.ok(result.acked >= 100)
  assert.equal(result.acked, result.sent)
  assert.equal(result.acked, server.received())
})

test('no more than the window is in flight', async () => {
  await using server = await startMqttServer(() => undefined)
  const running = runLoad({ ...options, connections: 1, seconds: 1, messages: 0, port: server.port })
  await quiet(server)
  assert.ok(server.received() > 0 && server.received() <= 300, `${server.received()}`)
  server.closeConnections()
  const result = await running
  assert.equal(result.acked, 0)
  assert.deepEqual(result.failures, ['closed by the server'])
})

test('a connection closed half-way is reported, and what was not acknowledged is not counted', async () => {
  await using server = await startMqttServer(({ packet, count }) =>
    count > 1_000 ? 'close' : puback(packet.messageId),
  )
  const result = await runLoad({ ...options, port: server.port })
  assert.ok(result.acked < result.sent, `${result.acked} of ${result.sent}`)
  assert.ok(result.acked <= 1_000)
  assert.ok(result.failures.length > 0)
})

test('a PUBACK for another message than the next one is a failure', async () => {
  await using server = await startMqttServer(({ count, packet }) =>
    puback(count === 10 ? 11 : packet.messageId),
  )
  const result = await runLoad({ ...options, connections: 1, port: server.port })
  assert.equal(result.acked, 9)
  assert.match(result.failures.join(), /expected PUBACK 10, got 4002000b/)
})

/** Resolves when the server has heard nothing for a while. */
async function quiet(server: { received(): number }): Promise<void> {
  for (let last = -1; last !== server.received() || last === 0; ) {
    last = server.received()
    await setTimeout(50)
  }
}
