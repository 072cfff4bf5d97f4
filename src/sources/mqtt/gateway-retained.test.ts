import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { answering, lasting, textOf, textsOf } from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'

/** What somebody who subscribes now is given first. */
async function retainedFor(door: MqttDoor, filter: string, version: 4 | 5 = 5): Promise<IPublishPacket[]> {
  using client = await answering(door.port, version)
  await client.subscribe([filter, 'end'])
  await client.say('end', 'end', 2)
  return client.messagesUntil('end')
}

const short = ({ topic, payload, qos, retain }: IPublishPacket) =>
  [topic, payload.toString(), qos, retain] as const

/** By topic. */
function shortly(messages: readonly IPublishPacket[]) {
  return messages.map(short).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

for (const how of ['stopped', 'killed'] as const) {
  test(`${how}: the last retained message of each topic is there again as it was, and none that was removed`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    using publisher = await RawMqttClient.connect(door.port, 5)
    const properties = { contentType: 'text/plain', userProperties: { a: '1' } }
    for (const qos of [0, 1, 2] as const) {
      await publisher.say(`r/${qos}`, 'old', 1, { retain: true })
      await publisher.say(`r/${qos}`, `new ${qos}`, qos, { retain: true, properties })
      await publisher.say(`r/${qos}`, 'passing', 1)
    }
    await publisher.say('r/gone', 'gone', 2, { retain: true })
    await publisher.say('r/gone', '', 0, { retain: true })
    await publisher.say('r/end', 'end', 1)
    const expected = [0, 1, 2].map((qos) => [`r/${qos}`, `new ${qos}`, qos, true])
    for (const version of [4, 5] as const)
      assert.deepEqual(shortly(await retainedFor(door, 'r/#', version)), expected)
    await door.restart(how)
    const found = await retainedFor(door, 'r/#')
    assert.deepEqual(shortly(found), expected)
    for (const { properties: own } of found) {
      assert.equal(own?.contentType, 'text/plain')
      assert.deepEqual({ ...own?.userProperties }, { a: '1' })
    }
    assert.equal(door.gateway.status().retainedMessages, 3)
  })
}

test('a retained message expires: who comes is told what is left, then there is none, on disk neither', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  for (const seconds of [50, 5000])
    await publisher.say(`r/${seconds}`, 'x', 1, {
      retain: true,
      properties: { messageExpiryInterval: seconds },
    })
  door.clock.forward(30_000)
  const [first] = await retainedFor(door, 'r/50')
  const left = first?.properties?.messageExpiryInterval ?? 0
  assert.ok(left > 0 && left <= 20, `${left} s are left`)
  door.clock.forward(30_000)
  assert.deepEqual(
    (await retainedFor(door, 'r/#')).map(({ topic }) => topic),
    ['r/5000'],
  )
  await until(() => door.gateway.status().retainedMessages <= 1)
  await door.restart('stopped')
  assert.equal(door.gateway.status().retainedMessages, 1)
  door.clock.forward(5_000_000)
  await door.restart('killed')
  assert.deepEqual(await retainedFor(door, 'r/#'), [])
})

test('beyond the bounds MQTT 5 hears 0x97; the message of 3.1.1 is delivered and not retained', async () => {
  await using door = await MqttDoor.open({
    keeps: true,
    config: { maxRetainedMessages: 1, maxRetainedBytes: 1400 },
  })
  using current = await answering(door.port, 5)
  using old = await answering(door.port, 4)
  using subscriber = await answering(door.port, 5)
  await subscriber.subscribe(['r/#'])
  assert.equal(await current.say('r/1', 'fits', 1, { retain: true }), 0)
  for (const qos of [1, 2] as const) {
    assert.equal(await current.say('r/2', 'refused', qos, { retain: true }), 0x97)
    assert.equal(await current.say('r/1', 'x'.repeat(300), qos, { retain: true }), 0x97)
    assert.equal(await old.say('r/2', `taken ${qos}`, qos, { retain: true }), 0)
  }
  assert.equal(await current.say('r/1', 'replaced', 2, { retain: true }), 0)
  await current.say('r/end', 'end', 2)
  assert.deepEqual(textsOf(await subscriber.messagesUntil('end')), ['fits', 'taken 1', 'taken 2', 'replaced'])
  assert.deepEqual(textsOf(await retainedFor(door, '#')), ['replaced'])
  assert.equal(door.gateway.status().retainedRefused, 6)
  assert.equal(await current.say('r/1', '', 1, { retain: true }), 0)
  assert.equal(await current.say('r/2', 'room again', 1, { retain: true }), 0)
  assert.deepEqual(textsOf(await retainedFor(door, '#')), ['room again'])
})

test('a topic that carries readings retains too, and the message that removes it is no reading', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await RawMqttClient.connect(door.port, 5)
  await client.say('dev/d/m', '7', 1, { retain: true })
  assert.deepEqual((await retainedFor(door, 'dev/#')).map(short), [['dev/d/m', '7', 1, true]])
  await client.say('dev/d/m', '', 1, { retain: true })
  assert.deepEqual(await retainedFor(door, 'dev/#'), [])
  assert.deepEqual(door.log.values, [7])
  assert.deepEqual(door.letters, [])
})

test('who is subscribed gets a message without the flag, unless it asked for it as published', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await answering(door.port, 5)
  await client.subscribe(['plain', { topic: 'as-published', qos: 2, rap: true }])
  for (const topic of ['plain', 'as-published'])
    for (const retain of [true, false]) await client.say(topic, `${topic} ${retain}`, 1, { retain })
  const flags = (await client.messages(4)).map((message) => [textOf(message), message.retain])
  assert.deepEqual(flags, [
    ['plain true', false],
    ['plain false', false],
    ['as-published true', true],
    ['as-published false', false],
  ])
})

test('a retained message waits for a session like any other, under the identifier of its subscription', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  await publisher.say('r', 'retained', 2, { retain: true })
  const connect = { ...lasting(5, 'a') }
  const before = await RawMqttClient.connect(door.port, 5, connect)
  await before.subscribe(['r'], { subscriptionIdentifier: 5 })
  await before.next('publish')
  before.destroy()
  await door.restart('killed')
  using client = await answering(door.port, 5, connect)
  const message = await client.next('publish')
  assert.deepEqual([textOf(message), message.retain, message.dup], ['retained', true, true])
  assert.equal(message.properties?.subscriptionIdentifier, 5)
})
