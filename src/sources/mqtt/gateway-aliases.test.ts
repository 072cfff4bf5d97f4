import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'

test('topics that differ by a U+FEFF at their beginning have aliases of their own', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5, { properties: { topicAliasMaximum: 9 } })
  await client.subscribe(['#'])
  using publisher = await RawMqttClient.connect(door.port, 4)
  for (const topic of ['\uFEFFa', 'a', 'a']) await publisher.say(topic, 'x', 1)
  assert.deepEqual(
    (await client.messages(3)).map(({ topic, properties }) => [topic, properties?.topicAlias]),
    [
      ['\uFEFFa', 1],
      ['a', 2],
      ['', 2],
    ],
  )
})

test('a QoS 2 message that is sent again establishes its topic alias', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const lasting = { clientId: 'a', clean: false, properties: { sessionExpiryInterval: 1000 } }
  const aliased = { qos: 2, properties: { topicAlias: 3 } } as const
  using first = await RawMqttClient.connect(door.port, 5, lasting)
  first.write(first.publish('dev/d/m', '1', 7, aliased))
  await first.next('pubrec')
  first.destroy()
  // Aliases end with their connection: the repeat is the first to name it on the next one.
  using second = await RawMqttClient.connect(door.port, 5, lasting)
  second.write(second.publish('dev/d/m', '1', 7, { ...aliased, dup: true }))
  second.write(second.publish('', '2', 8, aliased))
  assert.deepEqual([(await second.next('pubrec')).messageId, (await second.next('pubrec')).messageId], [7, 8])
  assert.deepEqual(door.log.values, [1, 2])
  assert.equal(door.gateway.status().repeatedQos2, 1)
})
