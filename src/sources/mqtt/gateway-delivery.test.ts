import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { answering, lasting, textOf, textsOf } from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'

/** The client has finished with the message. */
async function finish(client: RawMqttClient, { qos, messageId = 0 }: IPublishPacket): Promise<void> {
  if (qos === 1) client.send({ cmd: 'puback', messageId })
  if (qos !== 2) return
  client.send({ cmd: 'pubrec', messageId })
  assert.equal((await client.next('pubrel')).messageId, messageId)
  client.send({ cmd: 'pubcomp', messageId })
}

for (const isKept of [false, true]) {
  const kind = isKept ? 'a session that lives on' : 'a session that does not'
  const connect = isKept ? lasting(5, 'a') : {}

  test(`${kind}: never more is in flight than Receive Maximum, and each message that is finished makes room for one`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    using client = await RawMqttClient.connect(door.port, 5, {
      ...connect,
      properties: { ...connect.properties, receiveMaximum: 3 },
    })
    await client.subscribe(['q'])
    using publisher = await RawMqttClient.connect(door.port, 5)
    for (let i = 0; i < 10; i++) await publisher.say('q', String(i), i % 2 === 0 ? 1 : 2)
    const inFlight = await client.messages(3)
    const got = [...inFlight]
    for (;;) {
      // QoS 0 stands in no window: what comes before it is all there is now.
      await publisher.say('q', 'now', 0)
      assert.deepEqual(await client.messagesUntil('now'), [])
      const done = inFlight.shift()
      if (done === undefined) break
      await finish(client, done)
      if (got.length === 10) continue
      const next = await client.next('publish')
      got.push(next)
      inFlight.push(next)
    }
    assert.deepEqual(
      textsOf(got),
      Array.from({ length: 10 }, (_, i) => String(i)),
    )
    assert.equal(new Set(got.slice(0, 3).map(({ messageId }) => messageId)).size, 3)
  })
}

test('maxInFlight bounds what is under way to a client that allows more, or cannot say', async () => {
  await using door = await MqttDoor.open({ keeps: true, config: { maxInFlight: 2 } })
  using client = await RawMqttClient.connect(door.port, 4)
  await client.subscribe(['q'])
  for (const text of ['1', '2', '3']) await client.say('q', text)
  await client.say('q', 'now', 0)
  const [first, second, ...more] = await client.messagesUntil('now')
  assert.deepEqual([first && textOf(first), second && textOf(second), more], ['1', '2', []])
  client.send({ cmd: 'puback', messageId: second?.messageId ?? 0 })
  assert.equal(textOf(await client.next('publish')), '3')
})

test('what is larger than the client takes is passed over, and the rest comes', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const connect = lasting(5, 'a')
  const small = {
    ...connect,
    properties: { ...connect.properties, maximumPacketSize: 100, receiveMaximum: 1 },
  }
  const before = await answering(door.port, 5, small)
  await before.subscribe(['q'])
  using publisher = await RawMqttClient.connect(door.port, 5)
  const large = 'x'.repeat(200)
  const sayAll = async () => {
    for (const qos of [0, 1, 2] as const) {
      await publisher.say('q', large, qos)
      await publisher.say('q', `${qos}`, qos)
    }
  }
  await sayAll()
  assert.deepEqual(textsOf(await before.messages(3)).toSorted(), ['0', '1', '2'])
  assert.equal(door.gateway.status().tooLargeForClient, 3)
  await before.leave()
  await sayAll()
  await publisher.say('q', 'end', 2)
  using client = await answering(door.port, 5, small)
  assert.deepEqual(textsOf(await client.messagesUntil('end')), ['1', '2'])
  assert.equal(door.gateway.status().tooLargeForClient, 5)
  await until(() => door.gateway.status().queuedMessages <= 0)
})

test('a client whose filters overlap gets a message once, at their highest QoS and with all their identifiers', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  for (const version of [4, 5] as const) {
    using client = await answering(door.port, version)
    await client.subscribe([{ topic: 'a/#', qos: 0 }], { subscriptionIdentifier: 1 })
    await client.subscribe([{ topic: 'a/+', qos: 2 }], { subscriptionIdentifier: 268_435_455 })
    await client.subscribe([{ topic: 'a/b', qos: 1 }])
    const seen = async (published: 0 | 1 | 2) => {
      await client.say('a/b', 'message', published)
      await client.say('a/b', 'end', published)
      const [message, ...more] = await client.messagesUntil('end')
      assert.deepEqual(more, [])
      const ids = [message?.properties?.subscriptionIdentifier ?? []].flat()
      return { qos: message?.qos, ids: ids.toSorted((a, b) => a - b) }
    }
    const ids = version === 5 ? [1, 268_435_455] : []
    for (const qos of [0, 1, 2] as const) assert.deepEqual(await seen(qos), { qos, ids })
    // Subscribing anew replaces: the identifier goes.
    await client.subscribe([{ topic: 'a/+', qos: 1 }])
    assert.deepEqual(await seen(2), { qos: 1, ids: version === 5 ? [1] : [] })
    await client.unsubscribe('a/+', 'a/b')
    assert.deepEqual(await seen(2), { qos: 0, ids: version === 5 ? [1] : [] })
  }
})

test('identifiers, QoS and properties of a message that waits are there after a restart', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const connect = lasting(5, 'a')
  const before = await RawMqttClient.connect(door.port, 5, connect)
  await before.subscribe(['a/#'], { subscriptionIdentifier: 7 })
  await before.subscribe([{ topic: 'a/b', qos: 1, rap: true }], { subscriptionIdentifier: 8 })
  await before.leave()
  const properties = { contentType: 'text/plain', userProperties: { k: ['v', 'w'] }, responseTopic: 'r' }
  {
    using publisher = await RawMqttClient.connect(door.port, 5)
    await publisher.say('a/b', 'waits', 2, { retain: true, properties })
  }
  await door.restart('killed')
  using client = await answering(door.port, 5, connect)
  const message = await client.next('publish')
  const { subscriptionIdentifier, userProperties, ...more } = message.properties ?? {}
  assert.deepEqual([message.qos, message.retain, message.dup], [2, true, false])
  assert.deepEqual(new Set([subscriptionIdentifier].flat()), new Set([7, 8]))
  assert.deepEqual({ ...userProperties }, properties.userProperties)
  assert.deepEqual({ ...more }, { contentType: 'text/plain', responseTopic: 'r' })
})

test('the first topics of a connection get an alias each, as many as client and server allow', async () => {
  await using door = await MqttDoor.open({ keeps: true, config: { topicAliasMaximum: 2 } })
  const connect = lasting(5, 'a')
  const aliased = { ...connect, properties: { ...connect.properties, topicAliasMaximum: 9 } }
  using client = await RawMqttClient.connect(door.port, 5, aliased)
  await client.subscribe(['#'])
  using publisher = await RawMqttClient.connect(door.port, 4)
  for (const topic of ['one', 'two', 'three', 'two', 'one', 'three']) await publisher.say(topic, topic, 1)
  const short = ({ topic, properties, payload }: IPublishPacket) =>
    [topic, properties?.topicAlias, payload.toString()] as const
  const messages = await client.messages(6)
  assert.deepEqual(messages.map(short), [
    ['one', 1, 'one'],
    ['two', 2, 'two'],
    ['three', undefined, 'three'],
    ['', 2, 'two'],
    ['', 1, 'one'],
    ['three', undefined, 'three'],
  ])
  // A connection knows only its own.
  using again = await RawMqttClient.connect(door.port, 5, aliased)
  assert.deepEqual((await again.messages(6)).map(short), messages.map(short))
})

test('a client changes what its aliases stand for', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5)
  await client.subscribe([{ topic: '#', qos: 0 }])
  const say = (topic: string, topicAlias: number) => client.say(topic, 'x', 1, { properties: { topicAlias } })
  for (const [topic, alias] of [
    ['one', 1],
    ['two', 2],
    ['', 1],
    ['three', 1],
    ['', 1],
    ['', 2],
  ] as const)
    await say(topic, alias)
  assert.deepEqual(
    (await client.messages(6)).map(({ topic }) => topic),
    ['one', 'two', 'one', 'three', 'three', 'two'],
  )
})

test('message expiry: subscribers are told what is left, and what is over is not sent', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  for (const version of [4, 5] as const) {
    using publisher = await RawMqttClient.connect(door.port, 5)
    const say = (text: string, seconds: number, qos: 0 | 1 | 2) =>
      publisher.say('q', text, qos, { properties: { messageExpiryInterval: seconds } })
    const connect = lasting(version, 'a')
    const before = await answering(door.port, version, connect)
    await before.subscribe(['q'])
    await say('live', 100, 1)
    const left = (message: IPublishPacket) => message.properties?.messageExpiryInterval
    assert.equal(left(await before.next('publish')), version === 5 ? 100 : undefined)
    await before.leave()
    for (const seconds of [10, 100, 1000])
      for (const qos of [1, 2] as const) await say(`${seconds}`, seconds, qos)
    door.clock.forward(40_000)
    await door.restart('killed')
    door.clock.forward(40_000)
    using other = await RawMqttClient.connect(door.port, 5)
    const client = await answering(door.port, version, connect)
    await other.say('q', 'end', 2)
    const messages = await client.messagesUntil('end')
    assert.deepEqual(textsOf(messages), ['100', '100', '1000', '1000'])
    for (const message of messages) {
      if (version === 4) continue
      const told = left(message) ?? 0
      // Some of the machine's own time has passed, too.
      const most = Number(textOf(message)) - 80
      assert.ok(told <= most && told > most - 20, `${told} s of ${textOf(message)}`)
    }
    await until(() => door.gateway.status().queuedMessages <= 0)
    await client.leave()
    await (await RawMqttClient.connect(door.port, version, { clientId: 'a' })).leave()
  }
})

test('a queue that is full loses what comes last, which is counted, and keeps what it has', async () => {
  await using door = await MqttDoor.open({ keeps: true, config: { maxQueuedBytes: 2000 } })
  const connect = lasting(5, 'a')
  const before = await RawMqttClient.connect(door.port, 5, connect)
  await before.subscribe(['q'])
  await before.leave()
  using publisher = await RawMqttClient.connect(door.port, 5)
  for (let i = 0; i < 10; i++)
    assert.equal(await publisher.say('q', `${i}`.padEnd(250), i % 2 === 0 ? 1 : 2), 0)
  const { queueDropped, queuedMessages } = door.gateway.status()
  assert.equal(queueDropped, 7)
  assert.equal(queuedMessages, 3)
  await door.restart('killed')
  using client = await answering(door.port, 5, connect)
  assert.deepEqual(
    textsOf(await client.messages(3)).map((text) => text.trim()),
    ['0', '1', '2'],
  )
  await until(() => door.gateway.status().queuedMessages <= 0)
  await client.say('q', 'room again', 2)
  assert.equal(textOf(await client.next('publish')), 'room again')
})

for (const version of [4, 5] as const) {
  test(`a commit that fails: nothing is acknowledged or delivered; sent again it is taken once (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    using subscriber = await answering(door.port, 5, lasting(5, 's'))
    await subscriber.subscribe(['#'])
    const connect = lasting(version, 'p')
    const before = await RawMqttClient.connect(door.port, version, connect)
    const messages = (client: RawMqttClient, dup: boolean) =>
      Buffer.concat([
        client.publish('q', 'one', 1, { dup }),
        client.publish('q', 'two', 2, { qos: 2, dup }),
        client.publish('q', 'retained', 3, { qos: 2, retain: true, dup }),
      ])
    door.log.failure = new Error('the disk is full')
    before.write(messages(before, false))
    await before.closed
    assert.deepEqual(
      before.packets.map(({ cmd }) => cmd),
      version === 5 ? ['disconnect'] : [],
    )
    door.log.failure = undefined
    await subscriber.ping()
    assert.deepEqual(subscriber.packets, [])

    using client = await RawMqttClient.connect(door.port, version, connect)
    client.write(messages(client, true))
    await client.next('puback')
    for (const id of [2, 3]) {
      assert.equal((await client.next('pubrec')).messageId, id)
      client.send({ cmd: 'pubrel', messageId: id })
      await client.next('pubcomp')
    }
    await client.say('q', 'end', 2)
    assert.deepEqual(textsOf(await subscriber.messagesUntil('end')), ['one', 'two', 'retained'])
    await until(() => door.gateway.status().queuedMessages <= 0)
    await door.restart('killed')
    using late = await answering(door.port, 5)
    await late.subscribe(['q'])
    assert.equal(textOf(await late.next('publish')), 'retained')
  })
}
