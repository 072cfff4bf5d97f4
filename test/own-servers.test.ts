import assert from 'node:assert/strict'
import test from 'node:test'
import mqtt from 'mqtt'
import { needs, needsToStart, serverVariable } from './support/needs.ts'
import { OwnServer } from './support/own-server.ts'

test('the shared Mosquitto takes a message', { skip: needs('mosquitto') }, async () => {
  const client = await mqtt.connectAsync(serverVariable('mosquitto', 'SLUICE_TEST_MOSQUITTO_URL'))
  await client.publishAsync('services/test', '1', { qos: 1 })
  await client.endAsync()
})

test('a Mosquitto of a test keeps retained messages over a stop, its ports over a kill, and is gone at the end', {
  skip: needsToStart('mosquitto'),
}, async () => {
  const own = await OwnServer.start('mosquitto')
  const url = own.variable('SLUICE_TEST_MOSQUITTO_URL')
  {
    await using _ = own
    const publisher = await mqtt.connectAsync(url, { reconnectPeriod: 0 })
    await publisher.publishAsync('a/b', 'kept', { qos: 1, retain: true })
    await publisher.endAsync()

    await own.stop()
    assert.equal(own.running, false)
    await own.start()
    const subscriber = await mqtt.connectAsync(url, { reconnectPeriod: 0 })
    subscriber.on('error', () => {})
    const message = new Promise((resolve) =>
      subscriber.once('message', (_topic, bytes) => resolve(bytes.toString())),
    )
    await subscriber.subscribeAsync('a/b')
    assert.equal(await message, 'kept')

    const closed = new Promise((resolve) => subscriber.once('close', () => resolve(undefined)))
    await own.kill()
    await closed
    assert.equal(own.running, false)
    await own.start()
    assert.equal(own.variable('SLUICE_TEST_MOSQUITTO_URL'), url)
  }
  assert.equal(own.running, false)
})
