import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'
import { SluiceError } from '../../core/errors.ts'

const full = new SluiceError('disk-full', 'no space left')

function fill(door: MqttDoor): void {
  door.log.state = 'disk-full'
  door.log.failure = full
}

function free(door: MqttDoor): void {
  door.log.state = undefined
  door.log.failure = undefined
}

const will = { topic: 'gone', payload: Buffer.from('bye'), qos: 1 as const, retain: true }

test('while the disk is full, what nobody waits for is written later, and nothing ends', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await RawMqttClient.connect(door.port, 5)
  const dying = await RawMqttClient.connect(door.port, 4, { clientId: 'd', clean: false, will })
  fill(door)
  client.write(client.publish('a/retained', 'x', 0, { retain: true }))
  dying.destroy()
  await dying.closed
  // A client that only wants to read is let in, and answered.
  using reader = await RawMqttClient.connect(door.port, 5)
  reader.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 0, rh: 0 }] })
  await reader.next('suback')
  assert.equal((await reader.next('publish')).payload.toString(), 'x')
  free(door)
  // The will waited, too.
  using heir = await RawMqttClient.connect(door.port, 5)
  heir.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'gone', qos: 1, rh: 0 }] })
  door.clock.forward(2_000)
  assert.equal((await heir.next('publish')).payload.toString(), 'bye')
  await door.restart('stopped')
  assert.equal(door.gateway.status().retainedMessages, 2)
})

test('a will whose commit has failed is published when the disk takes it', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using heir = await RawMqttClient.connect(door.port, 5)
  heir.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'gone', qos: 1 }] })
  await heir.next('suback')
  const dying = await RawMqttClient.connect(door.port, 4, {
    clientId: 'd',
    clean: false,
    will: { ...will, retain: false },
  })
  // Nobody knew before that it is full.
  door.log.failure = full
  dying.destroy()
  await until(() => door.gateway.status().commitFailures > 0)
  free(door)
  door.clock.forward(2_000)
  assert.equal((await heir.next('publish')).payload.toString(), 'bye')
  assert.equal(door.gateway.status().willsPublished, 1)
})

test('the gateway stops in order while the disk is full', async () => {
  const door = await MqttDoor.open({ keeps: true })
  const away = await RawMqttClient.connect(door.port, 5, {
    clientId: 'a',
    properties: { sessionExpiryInterval: 100 },
  })
  fill(door)
  away.destroy()
  await away.closed
  while (door.gateway.status().connectionsOpen > 0) await new Promise(setImmediate)
  await door.stop()
})

test('while nothing can be written, a client is not told that the id of a QoS 2 message is free', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const asked = { clientId: 'c', clean: false, properties: { sessionExpiryInterval: 100 } }
  using first = await RawMqttClient.connect(door.port, 5, asked)
  first.write(first.publish('dev/d/m', '{"v":1}', 7, { qos: 2 }))
  await first.next('pubrec')
  // The message is released, and that cannot be written: the connection ends without PUBCOMP.
  fill(door)
  first.send({ cmd: 'pubrel', messageId: 7 })
  await first.closed
  using second = await RawMqttClient.connect(door.port, 5, asked)
  second.send({ cmd: 'pubrel', messageId: 7 })
  await assert.rejects(second.next('pubcomp'), /the connection ended without pubcomp/)
  free(door)
  await door.restart('killed')
  // Whoever was told that 7 is free uses it again, and that message would be taken for the first one.
  using third = await RawMqttClient.connect(door.port, 5, asked)
  third.send({ cmd: 'pubrel', messageId: 7 })
  assert.equal((await third.next('pubcomp')).messageId, 7)
  third.write(third.publish('dev/d/m', '{"v":2}', 7, { qos: 2 }))
  await third.next('pubrec')
  assert.deepEqual(door.log.values.slice(-1), [2])
})
