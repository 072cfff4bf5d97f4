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

for (const [what, topic, properties, reasonCode, why] of [
  ['an alias that is too high', 'a', { topicAlias: 33 }, 0x94, /above the Topic Alias Maximum/],
  ['an alias that stands for nothing', '', { topicAlias: 1 }, 0x82, /no topic, nor a topic alias/],
  ['a wildcard', 'a/+', {}, 0x90, /wildcard/],
  ['no UTF-8', 'a', {}, 0x81, /not UTF-8/],
] as const) {
  test(`a topic that cannot be is told as what it is: ${what}`, async () => {
    await using door = await MqttDoor.open()
    using client = await RawMqttClient.connect(door.port, 5)
    const packet = client.publish(topic, 'x', 0, { properties })
    // mqtt-packet writes text only: the byte that is none is put in afterwards.
    if (reasonCode === 0x81) packet[4] = 0xff
    client.write(packet)
    const { reasonCode: code, properties: more } = await client.next('disconnect')
    assert.equal(code, reasonCode)
    assert.match(more?.reasonString ?? '', why)
  })
}
