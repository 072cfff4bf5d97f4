import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../../test/support/raw-mqtt-client.ts'

async function retain(door: MqttDoor, count: number, bytes: number): Promise<void> {
  using publisher = await RawMqttClient.connect(door.port, 4)
  for (let i = 1; i <= count; i++)
    publisher.write(publisher.publish(`r/${i}`, 'x'.repeat(bytes), i, { retain: true }))
  await publisher.acknowledged(count)
}

for (const qos of [0, 1] as const) {
  test(`a client that reads gets every retained message at QoS ${qos}, however many there are`, async () => {
    await using door = await MqttDoor.open({ keeps: true, config: { outboundBytes: 64 * 1024 } })
    await retain(door, 1_000, 1_000)
    using client = await RawMqttClient.connect(door.port, 5)
    client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'r/#', qos, rh: 0 }] })
    const topics = new Set<string>()
    while (topics.size < 1_000) {
      const { topic, messageId = 0 } = await client.next('publish')
      topics.add(topic)
      if (qos === 1) client.send({ cmd: 'puback', messageId, reasonCode: 0 })
    }
    assert.equal(door.gateway.status().dropped, 0)
    assert.equal(door.gateway.status().queueDropped, 0)
  })
}

test('a filter that stands in a packet many times is one subscription, and its retained messages come once', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  await retain(door, 20, 10)
  using client = await RawMqttClient.connect(door.port, 5)
  const subscriptions = Array.from({ length: 20_000 }, () => ({ topic: '#', qos: 0 as const, rh: 0 }))
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  await client.next('suback')
  client.write(client.publish('last', ''))
  const topics: string[] = []
  for (let topic = ''; topic !== 'last'; topics.push(topic)) topic = (await client.next('publish')).topic
  assert.ok(topics.length <= 21, `${topics.length} messages`)
})
