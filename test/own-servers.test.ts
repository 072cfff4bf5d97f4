import assert from 'node:assert/strict'
import test from 'node:test'
import mqtt from 'mqtt'
import { Connection } from 'rabbitmq-client'
import { needs, needsToStart, serverVariable } from './support/needs.ts'
import { OwnServer } from './support/own-server.ts'

test('the shared Mosquitto takes a message', { skip: needs('mosquitto') }, async () => {
  const client = await mqtt.connectAsync(serverVariable('mosquitto', 'TEST_MOSQUITTO_URL'))
  await client.publishAsync('services/test', '1', { qos: 1 })
  await client.endAsync()
})

test('a Mosquitto of a test keeps retained messages over a stop, its ports over a kill, and is gone at the end', {
  skip: needsToStart('mosquitto'),
}, async () => {
  const own = await OwnServer.start('mosquitto')
  const url = own.variable('TEST_MOSQUITTO_URL')
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
    assert.equal(own.variable('TEST_MOSQUITTO_URL'), url)
  }
  assert.equal(own.running, false)
})

test('the shared RabbitMQ takes a message over AMQP and MQTT', { skip: needs('rabbitmq') }, async () => {
  const amqp = new Connection(serverVariable('rabbitmq', 'TEST_RABBITMQ_URL'))
  amqp.on('error', () => {})
  const { queue } = await amqp.queueDeclare({ exclusive: true })
  await amqp.queueBind({ queue, exchange: 'amq.topic', routingKey: 'services.test' })
  const client = await mqtt.connectAsync(serverVariable('rabbitmq', 'TEST_RABBITMQ_MQTT_URL'))
  await client.publishAsync('services/test', '1', { qos: 1 })
  await client.endAsync()
  const message = await amqp.basicGet({ queue, noAck: true })
  assert.equal(String(message?.body), '1')
  await amqp.close()
  const overview = await managementOf(serverVariable('rabbitmq', 'TEST_RABBITMQ_MANAGEMENT_URL'))
  assert.equal(overview.status, 200)
})

test('a RabbitMQ of a test keeps confirmed messages over a kill, and leaves no process behind', {
  skip: needsToStart('rabbitmq'),
}, async () => {
  const own = await OwnServer.start('rabbitmq')
  {
    await using _ = own
    const url = own.variable('TEST_RABBITMQ_URL')
    const before = new Connection({ url, retryLow: 100 })
    before.on('error', () => {})
    const publisher = before.createPublisher({ confirm: true, queues: [{ queue: 'kept', durable: true }] })
    await publisher.send({ routingKey: 'kept', durable: true }, 'once')
    before.unsafeDestroy()
    await own.kill()
    await own.start()
    const after = new Connection({ url, retryLow: 100 })
    after.on('error', () => {}) // a server that has just begun may still close a connection; it is tried again
    assert.equal(String((await after.basicGet({ queue: 'kept', noAck: true }))?.body), 'once')
    await after.close()
  }
  assert.equal(own.running, false)
  for (const use of ['amqp', 'epmd'])
    await assert.rejects(fetch(`http://127.0.0.1:${own.port(use)}`), /fetch failed/)
})

/** fetch takes no user in an address. */
function managementOf(address: string): Promise<Response> {
  const { origin, username, password } = new URL(address)
  const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  return fetch(`${origin}/api/overview`, { headers: { authorization } })
}
