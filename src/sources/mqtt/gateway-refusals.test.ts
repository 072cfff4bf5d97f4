import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttDoor, openAuthorizer } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'

const bytes = (...list: number[]) => Uint8Array.from(list)

/** What a connected client sends, and the reason an MQTT 5 client is disconnected with; 3.1.1 is closed. */
const breaking: readonly [name: string, send: (client: RawMqttClient) => Uint8Array, reason: number][] = [
  ['a packet of type 0', () => bytes(0x00, 0), 0x81],
  ['a packet only servers send', () => bytes(0xd0, 0), 0x82],
  ['PINGREQ with a body', () => bytes(0xc0, 1, 0), 0x81],
  ['a remaining length without end', () => bytes(0x30, 0xff, 0xff, 0xff, 0xff), 0x81],
  ['a packet above the maximum size', () => bytes(0x30, 0x81, 0x90, 0x80, 0x02), 0x95],
  ['QoS 2', (client) => client.publish('dev/d/m', '9', 1, { qos: 2 }), 0x9b],
  ['QoS 3', () => bytes(0x36, 5, 0, 1, 97, 0, 1), 0x81],
  ['packet id 0', () => bytes(0x32, 6, 0, 1, 97, 0, 0, 0), 0x82],
  ['a wildcard in a topic', (client) => client.publish('dev/+/m', '9', 1), 0x90],
  ['an empty topic', () => bytes(0x30, 3, 0, 0, 0), 0x82],
  ['a topic that is not UTF-8', () => bytes(0x30, 5, 0, 2, 97, 0xff, 0), 0x81],
  ['a topic with U+0000', () => bytes(0x30, 5, 0, 2, 97, 0, 0), 0x81],
  ['SUBSCRIBE without filters', () => bytes(0x82, 3, 0, 1, 0), 0x82],
  [
    'SUBSCRIBE with packet id 0',
    (client) => client.encode({ cmd: 'subscribe', messageId: 0, subscriptions: [{ topic: 'a', qos: 0 }] }),
    0x82,
  ],
  ['SUBSCRIBE with reserved flags', () => bytes(0x80, 6, 0, 1, 0, 0, 1, 97), 0x81],
  ['a filter that is not UTF-8', () => bytes(0x82, 8, 0, 1, 0, 0, 2, 97, 0xff, 0), 0x81],
  ['PUBACK with packet id 0', () => bytes(0x40, 2, 0, 0), 0x82],
  ['CONNACK', () => bytes(0x20, 2, 0, 0), 0x82],
]
for (const [name, send, reason] of breaking) {
  test(`${name}: MQTT 5 hears 0x${reason.toString(16)}, 3.1.1 is closed, messages before are stored and acknowledged`, async () => {
    await using door = await MqttDoor.open()
    using current = await RawMqttClient.connect(door.port, 5)
    const message = (value: number) => current.publish('dev/d/m', String(value), value)
    current.write(Buffer.concat([message(1), message(2), send(current), message(3)]))
    assert.deepEqual(await current.acknowledged(2), [1, 2])
    assert.equal((await current.next('disconnect')).reasonCode, reason)
    await current.closed
    assert.deepEqual(current.packets, [])

    using old = await RawMqttClient.connect(door.port, 4)
    old.write(Buffer.concat([old.publish('dev/d/m', '4', 4), send(old), old.publish('dev/d/m', '5', 5)]))
    // In 3.1.1 some of these bytes are a PUBLISH of their own, shorter by the properties.
    await old.closed
    assert.deepEqual(await old.acknowledged(1), [4])
    assert.deepEqual(door.log.values, [1, 2, 4])
  })
}

test('retain: MQTT 5 was told that there is none and hears 0x9a; a 3.1.1 message is taken like any other', async () => {
  await using door = await MqttDoor.open()
  using current = await RawMqttClient.connect(door.port, 5)
  current.write(current.publish('dev/d/m', '9', 0, { retain: true }))
  assert.equal((await current.next('disconnect')).reasonCode, 0x9a)
  using old = await RawMqttClient.connect(door.port, 4)
  old.write(Buffer.concat([old.publish('dev/d/m', '1', 1, { retain: true }), old.publish('dev/d/m', '2', 2)]))
  assert.deepEqual(await old.acknowledged(2), [1, 2])
  assert.deepEqual(door.log.values, [1, 2])
})

test('an MQTT 5 client that goes beyond what CONNACK said hears the reason: topic aliases, Receive Maximum', async () => {
  await using door = await MqttDoor.open({ config: { receiveMaximum: 3, topicAliasMaximum: 2 } })
  for (const [topicAlias, topic, reasonCode] of [
    [3, 'a', 0x94],
    [0, 'a', 0x94],
    [1, '', 0x82],
  ] as const) {
    using alias = await RawMqttClient.connect(door.port, 5)
    const known = alias.publish('b', 'x', 0, { properties: { topicAlias: 2 } })
    alias.write(Buffer.concat([known, alias.publish(topic, 'x', 0, { properties: { topicAlias } })]))
    assert.equal((await alias.next('disconnect')).reasonCode, reasonCode)
  }
  using eager = await RawMqttClient.connect(door.port, 5)
  door.log.hold()
  eager.write(Buffer.concat([1, 2, 3, 4, 5].map((id) => eager.publish('dev/d/m', String(id), id))))
  await door.log.reached(1)
  door.log.letGo()
  assert.equal((await eager.next('disconnect')).reasonCode, 0x93)
})

test('malformed packets are counted per address, and the gateway lives on', async () => {
  await using door = await MqttDoor.open()
  for (let i = 0; i < 5; i++) {
    using client = await RawMqttClient.connect(door.port)
    client.write(bytes(0xf0, 0))
    await client.closed
  }
  assert.equal(door.gateway.status().malformedPackets, 5)
  const [first] = door.gateway.addresses(1)
  assert.match(first?.address ?? '', /127\.0\.0\.1$/)
  assert.equal(first?.malformed, 5)
  using client = await RawMqttClient.connect(door.port)
  await client.ping()
})

const denying = {
  ...openAuthorizer,
  decide: (_p: unknown, _d: unknown, action: string, resource: string) =>
    action === 'publish' && resource.startsWith('dev/secret')
      ? { allowed: false as const, reason: 'dev/secret is not yours' }
      : { allowed: true as const },
}

test('a message that is not allowed is refused in words on MQTT 5 and never stored', async () => {
  await using door = await MqttDoor.open({ authorizer: denying })
  using client = await RawMqttClient.connect(door.port, 5)
  client.write(
    Buffer.concat([
      client.publish('dev/d/m', '1', 1),
      client.publish('dev/secret/m', '2', 2),
      client.publish('dev/secret/m', '3'),
      client.publish('dev/d/m', '4', 4),
    ]),
  )
  const answers = [await client.next('puback'), await client.next('puback'), await client.next('puback')]
  assert.deepEqual(
    answers.map(({ messageId, reasonCode }) => [messageId, reasonCode]),
    [
      [1, 0],
      [2, 0x87],
      [4, 0],
    ],
  )
  assert.deepEqual(door.log.values, [1, 4])
  assert.deepEqual(door.letters, [])
  assert.equal(door.intake.books.messagesRefused, 2)
})

test('on 3.1.1 it is acknowledged after a letter, one per client and topic and minute, that counts the others', async () => {
  await using door = await MqttDoor.open({ authorizer: denying })
  using client = await RawMqttClient.connect(door.port, 4, { clientId: 'mole' })
  door.log.hold()
  client.write(Buffer.concat([1, 2, 3].map((id) => client.publish('dev/secret/m', '{"token":"x"}', id))))
  await door.log.reached(1)
  await client.ping()
  assert.deepEqual(client.packets, [])
  door.log.letGo()
  assert.deepEqual(await client.acknowledged(3), [1, 2, 3])
  const short = () => door.letters.map(({ code, reason, text }) => [code, reason, text])
  assert.deepEqual(short(), [['not-allowed', 'dev/secret is not yours', '{"token":"***"}']])
  const { commits } = door.log
  door.clock.forward(61_000)
  await door.log.reached(commits + 1)
  assert.deepEqual(short()[1], ['not-allowed', 'dev/secret is not yours (2 more within a minute)', ''])
  assert.deepEqual(door.log.values, [])
  assert.equal(door.intake.books.messagesRefused, 3)
})

test('a topic that is too long is refused, and the connection goes on', async () => {
  await using door = await MqttDoor.open()
  const topic = `dev/${'x'.repeat(1024)}/m`
  using current = await RawMqttClient.connect(door.port, 5)
  current.write(current.publish(topic, '1', 1))
  assert.equal((await current.next('puback')).reasonCode, 0x90)
  using old = await RawMqttClient.connect(door.port, 4)
  old.write(old.publish(topic, '1', 1))
  assert.deepEqual(await old.acknowledged(1), [1])
  assert.deepEqual(
    door.letters.map(({ code }) => code),
    ['invalid-name'],
  )
})

test('random bytes after CONNECT never end more than their own connection', async () => {
  await using door = await MqttDoor.open()
  let seed = 1
  const random = () => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    return seed / 0x80000000
  }
  for (let i = 0; i < 100; i++) {
    using client = await RawMqttClient.connect(door.port, i % 2 === 0 ? 4 : 5)
    const types = [0x10, 0x30, 0x32, 0x3d, 0x82, 0xa2, 0xe0, 0xf0, 0xc0]
    const body = Uint8Array.from({ length: 3 + Math.floor(random() * 40) }, () => Math.floor(random() * 256))
    body[0] = types[Math.floor(random() * types.length)] ?? 0
    body[1] = body.length - 2
    client.write(body)
    client.socket.end()
    await client.closed
  }
  using client = await RawMqttClient.connect(door.port)
  client.write(client.publish('dev/d/m', '1', 1))
  assert.deepEqual(await client.acknowledged(1), [1])
})
