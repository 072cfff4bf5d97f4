import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../../test/support/raw-mqtt-client.ts'
import { SluiceError } from '../../../core/errors.ts'

const kept = { sessionExpiryInterval: 1000 }

async function subscriber(door: MqttDoor, clientId: string, clean = false): Promise<RawMqttClient> {
  const client = await RawMqttClient.connect(door.port, 5, { clientId, clean, properties: kept })
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'home/#', qos: 2, rh: 2 }] })
  await client.next('suback')
  return client
}

async function publish(door: MqttDoor, payload: string): Promise<void> {
  using client = await RawMqttClient.connect(door.port, 5)
  client.write(client.publish('home/a', payload, 1))
  await client.acknowledged(1)
}

/** Takes one message and finishes with it. */
async function receive(client: RawMqttClient): Promise<string> {
  const { payload, messageId = 0 } = await client.next('publish')
  client.send({ cmd: 'puback', messageId, reasonCode: 0 })
  return payload.toString()
}

test('a message that comes after a restart is not taken for one that the session has had before', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  {
    using client = await subscriber(door, 'a')
    for (const payload of ['1', '2', '3']) await publish(door, payload)
    for (const payload of ['1', '2', '3']) assert.equal(await receive(client), payload)
    await client.ping()
  }
  // Nothing is left in the queues that ids could be read from.
  while (door.gateway.status().queuedMessages > 0) await new Promise(setImmediate)
  await door.restart()
  await publish(door, '4')
  await door.restart('killed')
  assert.equal(door.gateway.status().queuedMessages, 1)
  using client = await subscriber(door, 'a')
  assert.equal(await receive(client), '4')
})

test('a client that is new after a restart gets nothing that was meant for one that has ended', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  for (const clientId of ['stays', 'ends']) (await subscriber(door, clientId)).destroy()
  await publish(door, 'old')
  using _ended = await RawMqttClient.connect(door.port, 5, { clientId: 'ends', clean: true })
  await door.restart('killed')
  ;(await subscriber(door, 'new')).destroy()
  await door.restart('killed')
  using client = await subscriber(door, 'new')
  await publish(door, 'for both')
  assert.equal(await receive(client), 'for both')
  using other = await subscriber(door, 'stays')
  assert.deepEqual([await receive(other), await receive(other)], ['old', 'for both'])
})

test('a message of QoS 2 whose packet id could not be written is sent when it can be', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await subscriber(door, 'a')
  using publisher = await RawMqttClient.connect(door.port, 5)
  door.log.hold()
  const commits = door.log.commits
  publisher.write(publisher.publish('home/a', 'x', 1, { qos: 2 }))
  await door.log.reached(commits + 1)
  door.log.failure = new SluiceError('disk-full', 'no space left')
  door.log.letGo()
  await publisher.next('pubrec')
  while (door.log.failures === 0) await new Promise(setImmediate)
  assert.deepEqual(client.packets, [])
  door.log.failure = undefined
  assert.equal((await client.next('publish')).payload.toString(), 'x')
})

test('a client forgets no packet id of QoS 2 before it is on disk that it has the message', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using first = await subscriber(door, 'a')
  using publisher = await RawMqttClient.connect(door.port, 5)
  publisher.write(publisher.publish('home/a', 'x', 1, { qos: 2 }))
  const { messageId = 0 } = await first.next('publish')
  door.log.failure = new SluiceError('disk-full', 'no space left')
  first.send({ cmd: 'pubrec', messageId, reasonCode: 0 })
  await first.closed
  using again = await RawMqttClient.connect(door.port, 5, { clientId: 'a', clean: false, properties: kept })
  const { failures } = door.log
  while (door.log.failures < failures + 2) await new Promise(setImmediate)
  assert.deepEqual(again.packets, [])
  door.log.failure = undefined
  assert.equal((await again.next('pubrel')).messageId, messageId)
})
