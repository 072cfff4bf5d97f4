import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { answering, lasting, textOf, textsOf } from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'

/** Resolves when nothing of a message is left in any queue. */
async function queuesEmpty(door: MqttDoor): Promise<void> {
  await until(() => door.gateway.status().queuedMessages <= 0)
}

for (const version of [4, 5] as const) {
  for (const how of ['stopped', 'killed'] as const) {
    test(`MQTT level ${version}, ${how}: a session has its subscriptions and its queue again, in order`, async () => {
      await using door = await MqttDoor.open({ keeps: true })
      const connect = lasting(version, 'a')
      const before = await answering(door.port, version, connect)
      assert.equal(before.connack?.sessionPresent, false)
      await before.subscribe([{ topic: 'q/#', qos: 2 }, 'dev/#', { topic: 'gone', qos: 1 }])
      await before.unsubscribe('gone')
      await before.leave()
      {
        using publisher = await RawMqttClient.connect(door.port, 5)
        for (let i = 0; i < 10; i++) await publisher.say(`q/${i}`, String(i), i % 2 === 0 ? 1 : 2)
      }
      await door.restart(how)
      using publisher = await RawMqttClient.connect(door.port, 5)
      await publisher.say('dev/d/m', '10', 2)
      await publisher.say('gone', 'never')
      using client = await answering(door.port, version, connect)
      assert.equal(client.connack?.sessionPresent, true)
      const messages = await client.messages(11)
      assert.deepEqual(
        textsOf(messages),
        Array.from({ length: 11 }, (_, i) => String(i)),
      )
      assert.deepEqual(
        messages.map(({ qos }) => qos),
        [1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 2],
      )
      await queuesEmpty(door)
      await publisher.say('q/last', 'last')
      assert.equal(textOf(await client.next('publish')), 'last')
      // What was finished with does not come again.
      await queuesEmpty(door)
      await client.leave()
      await door.restart('stopped')
      using again = await answering(door.port, version, connect)
      assert.equal(again.connack?.sessionPresent, true)
      await again.say('q/own', 'own')
      assert.equal(textOf(await again.next('publish')), 'own')
    })

    test(`MQTT level ${version}, ${how}: what is in flight comes again under its packet id, marked, before what waits`, async () => {
      await using door = await MqttDoor.open({ keeps: true, config: { maxInFlight: 3 } })
      const connect = lasting(version, 'a')
      const before = await RawMqttClient.connect(door.port, version, connect)
      await before.subscribe(['q'])
      using publisher = await RawMqttClient.connect(door.port, 5)
      for (const [i, qos] of ([2, 1, 2, 1, 2] as const).entries()) await publisher.say('q', String(i), qos)
      const sent = await before.messages(3)
      assert.deepEqual(textsOf(sent), ['0', '1', '2'])
      // Of the first the client says that it has it: it is told so, and only that the id is free comes again.
      before.send({ cmd: 'pubrec', messageId: sent[0]?.messageId ?? 0 })
      assert.equal((await before.next('pubrel')).messageId, sent[0]?.messageId)
      before.destroy()
      await before.closed

      await door.restart(how)
      using client = await RawMqttClient.connect(door.port, version, connect)
      assert.equal((await client.next('pubrel')).messageId, sent[0]?.messageId)
      const again = await client.messages(2)
      const short = ({ messageId, qos, dup, payload }: IPublishPacket) =>
        [messageId, qos, dup, payload.toString()] as const
      assert.deepEqual(again.map(short), [
        [sent[1]?.messageId, 1, true, '1'],
        [sent[2]?.messageId, 2, true, '2'],
      ])
      await client.ping()
      assert.deepEqual(client.packets, [])
      client.send({ cmd: 'pubcomp', messageId: sent[0]?.messageId ?? 0 })
      assert.deepEqual((await client.messages(1)).map(short).at(0)?.slice(1), [1, false, '3'])
      client.send({ cmd: 'pubrec', messageId: sent[2]?.messageId ?? 0 })
      assert.equal((await client.next('pubrel')).messageId, sent[2]?.messageId)
      client.send({ cmd: 'pubcomp', messageId: sent[2]?.messageId ?? 0 })
      assert.deepEqual((await client.messages(1)).map(short).at(0)?.slice(1), [2, false, '4'])
    })

    test(`MQTT level ${version}, ${how}: a QoS 2 message is taken once, in whichever state it was`, async () => {
      await using door = await MqttDoor.open({ keeps: true })
      const connect = lasting(version, 'p')
      const topic = 'dev/d/m'
      const before = await RawMqttClient.connect(door.port, version, connect)
      // 1 was sent, and PUBREC has come; 2 was released, and PUBCOMP has come; 3 was never sent.
      for (const id of [1, 2]) {
        before.write(before.publish(topic, String(id), id, { qos: 2 }))
        await before.next('pubrec')
      }
      before.send({ cmd: 'pubrel', messageId: 2 })
      await before.next('pubcomp')
      before.destroy()
      await before.closed
      const taken = [...door.log.values]

      await door.restart(how)
      using client = await RawMqttClient.connect(door.port, version, connect)
      assert.equal(client.connack?.sessionPresent, true)
      client.write(client.publish(topic, '1', 1, { qos: 2, dup: true }))
      assert.equal((await client.next('pubrec')).messageId, 1)
      // Released again, as a client does that has not heard PUBCOMP.
      for (const id of [2, 1, 1]) client.send({ cmd: 'pubrel', messageId: id })
      const answers = [
        await client.next('pubcomp'),
        await client.next('pubcomp'),
        await client.next('pubcomp'),
      ]
      assert.deepEqual(
        answers.map(({ messageId }) => messageId),
        [2, 1, 1],
      )
      if (version === 5)
        assert.deepEqual(
          answers.map(({ reasonCode }) => reasonCode),
          [0x92, 0, 0x92],
        )
      // The ids are free: the same bytes are another message now.
      for (const id of [1, 3]) {
        client.write(client.publish(topic, String(id), id, { qos: 2 }))
        await client.next('pubrec')
      }
      assert.deepEqual([...taken, ...door.log.values], [1, 2, 1, 3])
    })
  }
}

test('a session ends when its time is over, also where the program was down meanwhile, and what it held goes', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const connect = lasting(5, 'a', 60)
  const first = await answering(door.port, 5, connect)
  await first.subscribe(['q'])
  await first.leave()
  using publisher = await RawMqttClient.connect(door.port, 5)
  await publisher.say('q', 'waits')
  assert.equal(door.gateway.status().queuedMessages, 1)
  door.clock.forward(59_000)
  const second = await answering(door.port, 5, connect)
  assert.equal(second.connack?.sessionPresent, true)
  assert.equal(textOf(await second.next('publish')), 'waits')
  // A client that is there uses up nothing of its session's time.
  door.clock.forward(61_000)
  await second.ping()
  await queuesEmpty(door)
  await second.leave()
  await publisher.say('q', 'too late')
  door.clock.forward(61_000)
  await until(() => door.gateway.status().sessionsExpired !== 0)
  assert.equal(door.gateway.status().queuedMessages, 0)

  const third = await answering(door.port, 5, connect)
  assert.equal(third.connack?.sessionPresent, false)
  await third.subscribe(['q'])
  await third.leave()
  await door.restart('killed')
  door.clock.forward(61_000)
  using fourth = await answering(door.port, 5, connect)
  assert.equal(fourth.connack?.sessionPresent, false)
  assert.equal(door.gateway.status().subscriptions, 0)
})

test('a client that was there when the program was killed has the whole time to come back', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const connect = lasting(5, 'a', 60)
  await (await answering(door.port, 5, connect)).leave()
  door.clock.forward(30_000)
  using there = await answering(door.port, 5, connect)
  assert.equal(there.connack?.sessionPresent, true)
  door.clock.forward(3_600_000)
  await there.ping()
  await door.restart('killed')
  door.clock.forward(59_000)
  using back = await answering(door.port, 5, connect)
  assert.equal(back.connack?.sessionPresent, true)
})

test('DISCONNECT changes how long the session lives, but gives none to one that ends', async () => {
  await using door = await MqttDoor.open({ keeps: true, config: { maxSessionExpirySeconds: 100 } })
  const first = await RawMqttClient.connect(door.port, 5, lasting(5, 'a', 1000))
  assert.equal(first.connack?.properties?.sessionExpiryInterval, 100, 'told what it gets')
  await first.leave({ sessionExpiryInterval: 50 })
  door.clock.forward(40_000)
  const second = await RawMqttClient.connect(door.port, 5, lasting(5, 'a', 10))
  assert.equal(second.connack?.sessionPresent, true)
  await second.leave({ sessionExpiryInterval: 0 })
  const third = await RawMqttClient.connect(door.port, 5, lasting(5, 'a', 0))
  assert.equal(third.connack?.sessionPresent, false)
  third.send({ cmd: 'disconnect', properties: { sessionExpiryInterval: 10 } })
  assert.equal((await third.next('disconnect')).reasonCode, 0x82)
  await third.closed
  await door.restart('stopped')
  using fourth = await RawMqttClient.connect(door.port, 5, lasting(5, 'a', 10))
  assert.equal(fourth.connack?.sessionPresent, false)
})

test('a clean start discards everything, also on disk', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  for (const version of [4, 5] as const) {
    const before = await RawMqttClient.connect(door.port, version, lasting(version, 'a'))
    await before.subscribe(['q'])
    await before.say('q', 'in flight', 2)
    await before.next('publish')
    await before.leave()
    using publisher = await RawMqttClient.connect(door.port, 5)
    await publisher.say('q', 'waits')
    const clean = await RawMqttClient.connect(door.port, version, { clientId: 'a', clean: true })
    assert.equal(clean.connack?.sessionPresent, false)
    assert.equal(door.gateway.status().queuedMessages, 0)
    assert.equal(door.gateway.status().subscriptions, 0)
    await door.restart('killed')
    using client = await RawMqttClient.connect(door.port, version, lasting(version, 'a'))
    assert.equal(client.connack?.sessionPresent, false)
    await client.ping()
    assert.deepEqual(client.packets, [])
    assert.equal(door.gateway.status().queuedMessages, 0)
    client.destroy()
    await client.closed
    await (await RawMqttClient.connect(door.port, version, { clientId: 'a' })).leave()
  }
})

test('a takeover goes on with what is in flight, on the new connection alone', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  const connect = lasting(5, 'a')
  using before = await RawMqttClient.connect(door.port, 5, connect)
  await before.subscribe(['q'])
  using publisher = await RawMqttClient.connect(door.port, 5)
  for (const qos of [1, 2] as const) await publisher.say('q', String(qos), qos)
  const sent = await before.messages(2)
  before.write(before.publish('dev/d/m', '7', 5, { qos: 2 }))
  await before.next('pubrec')
  using client = await RawMqttClient.connect(door.port, 5, connect)
  assert.equal(client.connack?.sessionPresent, true)
  assert.equal((await before.next('disconnect')).reasonCode, 0x8e)
  await before.closed
  const again = await client.messages(2)
  assert.deepEqual(
    again.map(({ messageId, dup, payload }) => [messageId, dup, payload.toString()]),
    sent.map(({ messageId, payload }) => [messageId, true, payload.toString()]),
  )
  client.write(client.publish('dev/d/m', '7', 5, { qos: 2, dup: true }))
  await client.next('pubrec')
  client.send({ cmd: 'puback', messageId: sent[0]?.messageId ?? 0 })
  await publisher.say('q', 'next')
  assert.equal(textOf(await client.next('publish')), 'next')
  assert.deepEqual(door.log.values, [7])
})

for (const version of [4, 5] as const) {
  test(`MQTT level ${version}: an answer that was on disk and never told is found again, in both directions of QoS 2`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    /** Killed when the commit of what the client sent is on disk, and nobody was told. */
    const killBehind = async (client: RawMqttClient, send: () => void) => {
      door.log.hold()
      const { commits } = door.log
      send()
      await door.log.reached(commits + 1)
      client.destroy()
      await client.closed
      door.log.letGo()
      await door.restart('killed')
      return RawMqttClient.connect(door.port, version, lasting(version, 'a'))
    }
    const first = await RawMqttClient.connect(door.port, version, lasting(version, 'a'))
    await first.subscribe([{ topic: 'dev/#', qos: 2 }])
    const { log } = door
    const packet = first.publish('dev/d/m', '1', 9, { qos: 2 })
    const second = await killBehind(first, () => first.write(packet))
    assert.deepEqual(log.values, [1])
    // It was taken: only PUBREC is due. And it has come to the session itself.
    second.write(second.publish('dev/d/m', '1', 9, { qos: 2, dup: true }))
    assert.equal((await second.next('pubrec')).messageId, 9)
    assert.deepEqual(door.log.values, [])
    const { messageId = 0, qos } = await second.next('publish')
    assert.equal(qos, 2)

    const third = await killBehind(second, () => second.send({ cmd: 'pubrel', messageId: 9 }))
    // Its id is free: the client asks again, and hears that there is nothing to do.
    third.send({ cmd: 'pubrel', messageId: 9 })
    const { reasonCode = 0 } = await third.next('pubcomp')
    assert.equal(reasonCode, version === 5 ? 0x92 : 0)
    const again = await third.next('publish')
    assert.deepEqual([again.messageId, again.dup], [messageId, true])

    const fourth = await killBehind(third, () => third.send({ cmd: 'pubrec', messageId }))
    assert.equal((await fourth.next('pubrel')).messageId, messageId)
    const fifth = await killBehind(fourth, () => fourth.send({ cmd: 'pubcomp', messageId }))
    await fifth.ping()
    assert.deepEqual(fifth.packets, [])
    assert.equal(door.gateway.status().queuedMessages, 0)
    fifth.destroy()
  })
}
