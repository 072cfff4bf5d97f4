import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { answering, lasting, textOf, textsOf } from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'

/** Says that the round is over to each of the clients, and returns what each was sent before. */
async function roundOf(publisher: RawMqttClient, ...clients: RawMqttClient[]): Promise<string[][]> {
  const got: string[][] = []
  for (const client of clients) {
    await client.subscribe(['end'])
    await publisher.say('end', 'end', 2)
    got.push(textsOf(await client.messagesUntil('end')))
    await client.unsubscribe('end')
  }
  return got
}

const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i))

for (const version of [4, 5] as const) {
  test(`members of a group are given a message each in turn; other groups and subscribers get all (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    using publisher = await RawMqttClient.connect(door.port, 5)
    const [a, b, c] = [
      await answering(door.port, version),
      await answering(door.port, version),
      await answering(door.port, version, lasting(version, 'c')),
    ]
    for (const member of [a, b, c]) await member.subscribe(['$share/g/q/#'])
    using other = await answering(door.port, version)
    await other.subscribe(['$share/other/q/+'])
    using alone = await answering(door.port, version)
    await alone.subscribe(['q/#'])
    for (let i = 0; i < 9; i++) await publisher.say(`q/${i}`, String(i), (i % 3) as 0 | 1 | 2)
    const [gotA = [], gotB = [], gotC = [], ...all] = await roundOf(publisher, a, b, c, other, alone)
    assert.deepEqual([gotA.length, gotB.length, gotC.length], [3, 3, 3])
    assert.deepEqual([...gotA, ...gotB, ...gotC].toSorted(), numbers(9))
    for (const got of all) assert.deepEqual(got.toSorted(), numbers(9))
    for (const client of [a, b, c]) client.destroy()
  })

  test(`a member that leaves gets nothing more, and the last one ends the group (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    using publisher = await RawMqttClient.connect(door.port, 5)
    const [a, b, c] = [
      await answering(door.port, version),
      await answering(door.port, version),
      await answering(door.port, version),
    ]
    for (const member of [a, b, c]) await member.subscribe(['$share/g/q'])
    await a.unsubscribe('$share/g/q')
    b.destroy()
    await b.closed
    await until(() => door.gateway.status().subscriptions <= 1)
    for (const text of numbers(4)) await publisher.say('q', text)
    assert.deepEqual(await roundOf(publisher, a, c), [[], numbers(4)])
    await c.leave()
    await until(() => door.gateway.status().subscriptions <= 0)
    await publisher.say('q', 'for nobody', 1)
    assert.equal(door.gateway.status().queuedMessages, 0)
    a.destroy()
  })
}

test('a member that does not read is passed by while another one reads', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  using silent = await RawMqttClient.connect(door.port, 5, { properties: { receiveMaximum: 1 } })
  using reader = await answering(door.port, 5)
  for (const member of [silent, reader]) await member.subscribe(['$share/g/q'])
  for (const text of numbers(20)) await publisher.say('q', text)
  const [got = []] = await roundOf(publisher, reader)
  // One is on its way to it, and one was waiting when that was seen.
  const others = numbers(20).filter((text) => !got.includes(text))
  assert.ok(others.length <= 2, `${others.length} messages wait for a member that does not read`)
  const first = await silent.next('publish')
  assert.equal(textOf(first), others[0])
})

test('a member that is away gets something only where nobody is there; then it waits', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  const away = await answering(door.port, 5, lasting(5, 'away'))
  const there = await answering(door.port, 5, lasting(5, 'there'))
  for (const member of [away, there]) await member.subscribe(['$share/g/q'])
  await away.leave()
  for (const text of numbers(4)) await publisher.say('q', text)
  assert.deepEqual(await roundOf(publisher, there), [numbers(4)])
  await there.leave()
  for (const text of numbers(4)) await publisher.say('q', text, 2)
  await publisher.say('q', 'not at QoS 0', 0)
  await door.restart('killed')
  using again = await RawMqttClient.connect(door.port, 5)
  const clients = [
    await answering(door.port, 5, lasting(5, 'away')),
    await answering(door.port, 5, lasting(5, 'there')),
  ]
  const got = await roundOf(again, ...clients)
  assert.deepEqual(
    got.map(({ length }) => length),
    [2, 2],
  )
  assert.deepEqual(got.flat().toSorted(), numbers(4))
  // Both are members still.
  for (const text of numbers(4)) await again.say('q', text)
  assert.deepEqual(
    (await roundOf(again, ...clients)).map(({ length }) => length),
    [2, 2],
  )
  for (const client of clients) client.destroy()
})

test('what a member has in flight when it goes is its own: it comes to nobody else', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  const silent = await RawMqttClient.connect(door.port, 5, lasting(5, 'silent'))
  await silent.subscribe(['$share/g/q'])
  await publisher.say('q', 'its own', 2)
  assert.equal(textOf(await silent.next('publish')), 'its own')
  using other = await answering(door.port, 5)
  await other.subscribe(['$share/g/q'])
  silent.destroy()
  await silent.closed
  await publisher.say('q', 'for the other', 2)
  assert.deepEqual(await roundOf(publisher, other), [['for the other']])
  using back = await answering(door.port, 5, lasting(5, 'silent'))
  assert.equal(textOf(await back.next('publish')), 'its own')
})

test('each member gets its share at its own QoS, with its own identifier', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  const members: RawMqttClient[] = []
  for (const qos of [0, 1, 2] as const) {
    const member = await answering(door.port, 5)
    await member.subscribe([{ topic: '$share/g/q', qos }], { subscriptionIdentifier: qos + 1 })
    members.push(member)
  }
  for (const text of numbers(3)) await publisher.say('q', text, 2)
  for (const [qos, member] of members.entries()) {
    const message = await member.next('publish')
    assert.deepEqual([message.qos, message.properties?.subscriptionIdentifier], [qos, qos + 1])
    member.destroy()
  }
})

test('a shared filter that is none is refused, and No Local with one ends the connection', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using current = await RawMqttClient.connect(door.port, 5)
  const none = ['$share', '$share/g', '$share/g/', '$share//q', '$share/a+/q', '$share/a#/q', '$share/g/q#']
  assert.deepEqual(
    await current.subscribe(none),
    none.map(() => 0x8f),
  )
  using old = await RawMqttClient.connect(door.port, 4)
  assert.deepEqual(
    await old.subscribe(none),
    none.map(() => 0x80),
  )
  current.send({
    cmd: 'subscribe',
    messageId: 9,
    subscriptions: [{ topic: '$share/g/q', qos: 1, nl: true, rap: false, rh: 0 }],
  })
  assert.equal((await current.next('disconnect')).reasonCode, 0x82)
})

test('a group gets no retained messages, but those that come', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using publisher = await RawMqttClient.connect(door.port, 5)
  await publisher.say('q', 'retained', 1, { retain: true })
  using member = await answering(door.port, 5)
  await member.subscribe(['$share/g/q'])
  await publisher.say('q', 'comes', 1, { retain: true })
  const message = await member.next('publish')
  assert.deepEqual([textOf(message), message.retain], ['comes', false])
})

for (const version of [4, 5] as const) {
  test(`a kept session that gets a message by several groups has each place of its own after kill -9 (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true, config: { maxInFlight: 4 } })
    using publisher = await RawMqttClient.connect(door.port, 5)
    const connect = lasting(version, 'a')
    const before = await RawMqttClient.connect(door.port, version, connect)
    await before.subscribe(['q', { topic: '$share/g/q', qos: 1 }, '$share/h/q'])
    for (const text of numbers(2)) await publisher.say('q', text, 2)
    const first = await before.messages(4)
    const finished = first[0]
    assert.ok(finished)
    // One of three places is done with, three are on their way, two wait.
    before.send(
      finished.qos === 1
        ? { cmd: 'puback', messageId: finished.messageId ?? 0 }
        : { cmd: 'pubrec', messageId: finished.messageId ?? 0 },
    )
    if (finished.qos === 2) {
      await before.next('pubrel')
      before.send({ cmd: 'pubcomp', messageId: finished.messageId ?? 0 })
    }
    await before.messages(1)
    await door.restart('killed')
    using client = await answering(door.port, version, connect)
    const messages = await client.messages(5)
    assert.deepEqual(new Set(messages.slice(0, 4).map(({ messageId }) => messageId)), new Set([2, 3, 4, 5]))
    assert.deepEqual(textsOf(messages).toSorted(), [...['0', '0'], ...['1', '1', '1']])
    await until(() => door.gateway.status().queuedMessages <= 0)
    assert.equal(door.gateway.status().queuedBytes, 0)
  })
}
