import assert from 'node:assert/strict'
import test from 'node:test'
import { MqttDoor } from '../../test/support/mqtt-door.ts'
import { type FanoutOptions, runFanout } from './fanout-load.ts'

const options: Omit<FanoutOptions, 'port'> = {
  host: '127.0.0.1',
  publishers: 3,
  subscribers: 20,
  qos: 1,
  payload: 64,
  window: 16,
  messages: 500,
  seconds: 0,
}

for (const qos of [0, 1] as const) {
  test(`every subscriber counts every message at QoS ${qos}`, async () => {
    await using door = await MqttDoor.open()
    const result = await runFanout({ ...options, qos, port: door.port })
    assert.deepEqual(result.failures, [])
    assert.equal(result.published, 500)
    assert.equal(result.delivered, 500 * 20)
    assert.equal(result.expected, 500 * 20)
    assert.ok(result.p99Ms >= result.p50Ms && result.p50Ms > 0)
  })
}

test('packets longer than a read are counted once, and a run by time ends', async () => {
  await using door = await MqttDoor.open()
  const result = await runFanout({
    ...{ ...options, payload: 200_000, window: 2, publishers: 1, subscribers: 2 },
    ...{ messages: 0, seconds: 0.2, port: door.port },
  })
  assert.deepEqual(result.failures, [])
  assert.ok(result.delivered > 0)
  assert.equal(result.delivered, result.expected)
})

test('a server that goes away is told as a failure', async () => {
  const door = await MqttDoor.open()
  const run = runFanout({ ...options, messages: 0, seconds: 60, port: door.port })
  while (door.gateway.status().delivered < 100) await new Promise((resolve) => setImmediate(resolve))
  await door.stop()
  const { failures } = await run
  assert.notEqual(failures.length, 0)
})
