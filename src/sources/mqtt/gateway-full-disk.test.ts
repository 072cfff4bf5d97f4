import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
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
