import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { SluiceError } from '../../core/errors.ts'

const reading = (value: number) => JSON.stringify({ v: value, q: 'good', ts: 1_705_314_600_000 + value })

for (const version of [4, 5] as const) {
  test(`no PUBACK leaves before its commit is durable, and all leave in order after it (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open()
    using client = await RawMqttClient.connect(door.port, version)
    door.log.hold()
    const ids = Array.from({ length: 300 }, (_, i) => 65_535 - i)
    client.write(Buffer.concat(ids.map((id, i) => client.publish(`dev/d${i % 7}/m`, reading(i), id))))
    await door.log.reached(1)
    await client.ping() // the server has walked everything and answers, but acknowledges nothing
    assert.deepEqual(client.packets, [])
    assert.equal(door.gateway.status().acknowledged, 0)
    door.log.letGo()
    assert.deepEqual(await client.acknowledged(300), ids)
    assert.deepEqual(
      door.log.values,
      ids.map((_, i) => i),
    )
    assert.equal(door.intake.books.messagesAccepted, 300)
    assert.equal(door.gateway.status().acknowledged, 300)
  })

  test(`a commit that fails acknowledges nothing and ends the connection (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open()
    using client = await RawMqttClient.connect(door.port, version)
    door.log.failure = new SluiceError('disk-full', 'no space left')
    client.write(client.publish('dev/d/m', '1', 1))
    if (version === 5) assert.equal((await client.next('disconnect')).reasonCode, 0x97)
    await client.closed
    assert.deepEqual(client.packets, [])
    assert.equal(door.gateway.status().commitFailures, 1)
    door.log.failure = undefined
    using next = await RawMqttClient.connect(door.port, version)
    next.write(next.publish('dev/d/m', '1', 1))
    assert.deepEqual(await next.acknowledged(1), [1])
  })

  test(`QoS 0 is stored and counted without an answer (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open()
    using client = await RawMqttClient.connect(door.port, version)
    client.write(client.publish('dev/d/m', '5'))
    await door.log.reached(1)
    await client.ping()
    assert.deepEqual(door.log.values, [5])
    assert.deepEqual(client.packets, [])
    assert.equal(door.intake.books.messagesAccepted, 1)
  })

  test(`while the disk is full a message is refused in words, or by closing where there are none (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open()
    using client = await RawMqttClient.connect(door.port, version)
    door.log.state = 'disk-full'
    client.write(client.publish('dev/d/m', '1', 9))
    if (version === 5) {
      const { messageId, reasonCode } = await client.next('puback')
      assert.deepEqual({ messageId, reasonCode }, { messageId: 9, reasonCode: 0x97 })
      door.log.state = undefined
      client.write(client.publish('dev/d/m', '2', 10))
      assert.deepEqual(await client.acknowledged(1), [10])
    } else await client.closed
    assert.equal(door.intake.books.messagesRefused, 1)
    assert.equal(door.gateway.status().refusedUnread, 1, 'nobody has found it unreadable')
  })
}

test('a message that decodes to nothing is acknowledged after its letter, with secrets masked, and its neighbours are stored', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port)
  door.log.hold()
  client.write(
    Buffer.concat([
      client.publish('dev/d/m', '1', 1),
      client.publish('dev/d/m', '{"v":{},"token":"s3cret"', 2),
      client.publish('dev/d/m', '3', 3),
    ]),
  )
  await door.log.reached(1)
  await client.ping()
  assert.deepEqual(client.packets, [])
  door.log.letGo()
  assert.deepEqual(await client.acknowledged(3), [1, 2, 3])
  assert.deepEqual(door.log.values, [1, 3])
  assert.equal(door.letters.length, 1)
  const { code, source, device, topic, principal, text } = door.letters[0] ?? assert.fail()
  assert.deepEqual(
    { code, source, device, topic, principal, text },
    {
      code: 'undecodable',
      source: 'mqtt',
      device: 'd',
      topic: 'dev/d/m',
      principal: 'local',
      text: '{"v":{},"token":"***"',
    },
  )
  const { messagesReceived, messagesAccepted, messagesDeadLettered } = door.intake.books
  assert.deepEqual([messagesReceived, messagesAccepted, messagesDeadLettered], [3, 2, 1])
})

test('an array keeps its good elements, and the message counts as accepted', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port)
  client.write(client.publish('dev/d/m', '[{"v":1},{"v":[]},{"v":3}]', 1))
  assert.deepEqual(await client.acknowledged(1), [1])
  assert.deepEqual(door.log.values, [1, 3])
  assert.deepEqual(
    door.letters.map(({ text }) => text),
    ['{"v":[]}'],
  )
  assert.equal(door.intake.books.messagesAccepted, 1)
})

test('a message of 64 KiB to 4 MiB is an array or a dead letter', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port)
  const many = JSON.stringify(Array.from({ length: 20_000 }, (_, i) => ({ v: i, ts: 1_705_314_600_000 + i })))
  client.write(client.publish('dev/d/m', many, 1))
  client.write(client.publish('dev/d/m', JSON.stringify({ v: 'x'.repeat(70_000) }), 2))
  client.write(client.publish('dev/d/m', '7', 3))
  assert.deepEqual(await client.acknowledged(3), [1, 2, 3])
  assert.equal(door.log.values.length, 20_001)
  assert.deepEqual(
    door.letters.map(({ code }) => code),
    ['too-large'],
  )
})

test('with the dead letters full a message is refused, and nothing of it stays', async () => {
  await using door = await MqttDoor.open({ maxLetterBytes: 10 })
  using client = await RawMqttClient.connect(door.port, 5)
  client.write(client.publish('dev/d/m', '[{"v":1},{"v":[]}]', 1))
  client.write(client.publish('dev/d/m', '2', 2))
  assert.equal((await client.next('puback')).reasonCode, 0x99)
  assert.equal((await client.next('puback')).reasonCode, 0)
  assert.deepEqual(door.log.values, [2])
  using old = await RawMqttClient.connect(door.port, 4)
  old.write(old.publish('dev/d/m', '{', 1))
  await old.closed
  assert.deepEqual(old.packets, [])
})

test('a topic of no ingest rule that no session needs is acknowledged and kept nowhere', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port)
  client.write(client.publish('home/wifi', '{"password":"x"}', 1))
  client.write(client.publish('home/wifi', 'not kept'))
  assert.deepEqual(await client.acknowledged(1), [1])
  await client.ping()
  assert.deepEqual(door.log.documents, [])
  assert.equal(door.intake.books.messagesAccepted, 2)
})

test('when the intake is full the client is not read, keeps its connection, and everything comes in the end', async () => {
  await using door = await MqttDoor.open({ maxIntakeBytes: 4096 })
  using client = await RawMqttClient.connect(door.port, 4, { keepalive: 1 })
  door.log.hold()
  const count = 20_000
  for (let i = 0; i < count; i += 100) {
    const some = Array.from({ length: 100 }, (_, k) => client.publish('dev/d/m', String(i + k), i + k + 1))
    client.write(Buffer.concat(some))
  }
  using silent = await RawMqttClient.connect(door.port, 4, { keepalive: 10 })
  await door.log.reached(1)
  door.clock.forward(60_000)
  await silent.closed // so the timers were judged
  assert.ok(door.gateway.status().publishesQos1 < count, 'it was not all read')
  assert.deepEqual(client.packets, [])
  assert.equal(client.isClosed, false)
  door.log.letGo()
  const ids = await client.acknowledged(count)
  assert.deepEqual(
    ids,
    Array.from({ length: count }, (_, i) => i + 1),
  )
  assert.equal(door.log.values.length, count)
  assert.equal(door.gateway.status().keepAliveTimeouts, 1, 'the silent one')
})

test('one read of several packets, in any pieces, is taken whole', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5)
  const bytes = Buffer.concat([1, 2, 3].map((id) => client.publish('dev/d/m', String(id), id)))
  for (const byte of bytes) {
    client.write(Uint8Array.of(byte))
    await new Promise(setImmediate)
  }
  assert.deepEqual(await client.acknowledged(3), [1, 2, 3])
  assert.deepEqual(door.log.values, [1, 2, 3])
})
