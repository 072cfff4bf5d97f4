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
