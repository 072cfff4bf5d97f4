import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IPublishPacket } from 'mqtt-packet'
import { answering } from '../../../test/support/mqtt-sessions.ts'
import { MqttDoor, openAuthorizer } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'

async function subscribe(client: RawMqttClient, ...filters: string[]): Promise<unknown[]> {
  const subscriptions = filters.map((topic) => ({ topic, qos: 1 as const, nl: false, rap: false, rh: 0 }))
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions })
  return (await client.next('suback')).granted
}

const short = ({ topic, payload, qos, retain }: IPublishPacket) => ({
  topic,
  payload: payload.toString(),
  qos,
  retain,
})

for (const version of [4, 5] as const) {
  test(`a subscriber gets ingest and plain messages, once each (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open()
    using subscriber = await RawMqttClient.connect(door.port, version)
    using publisher = await RawMqttClient.connect(door.port, 4)
    assert.deepEqual(await subscribe(subscriber, 'dev/+/m', 'dev/#', 'x'), [1, 1, 1])
    publisher.write(publisher.publish('dev/d/m', '{"v":1,"token":"s3cret"}', 1))
    await publisher.acknowledged(1)
    publisher.write(publisher.publish('other', 'no'))
    publisher.write(publisher.publish('x', '{"token":"plain MQTT is not touched"}'))
    assert.deepEqual(short(await subscriber.next('publish')), {
      topic: 'dev/d/m',
      payload: '{"v":1,"token":"***"}',
      qos: 1,
      retain: false,
    })
    assert.equal((await subscriber.next('publish')).topic, 'x')
    await subscriber.ping()
    assert.deepEqual(subscriber.packets, [])
    assert.equal(door.gateway.status().delivered, 2)

    subscriber.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['dev/#', 'nothing', 'dev/+/m'] })
    const { granted } = await subscriber.next('unsuback')
    if (version === 5) assert.deepEqual(granted, [0, 0x11, 0])
    publisher.write(publisher.publish('dev/d/m', '2'))
    publisher.write(publisher.publish('x', 'last'))
    assert.equal((await subscriber.next('publish')).topic, 'x')
    assert.equal(door.gateway.status().subscriptions, 1)
    subscriber.destroy()
    await subscriber.closed
    while (door.gateway.status().subscriptions > 0) await new Promise(setImmediate)
  })
}

test('a message that could not be read is handed on with its secrets masked, as its letter is', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 4)
  await subscribe(client, 'dev/#')
  const notes = '{"v":1,"note":"token: of no form"}'
  for (const payload of [`{'token':'s3cret','v':1}`, notes]) client.write(client.publish('dev/d/m', payload))
  const payloads = [(await client.next('publish')).payload, (await client.next('publish')).payload].map(
    String,
  )
  assert.deepEqual(payloads, [`{'token':"***",'v':1}`, notes])
  assert.deepEqual(
    door.letters.map(({ text }) => text),
    [`{'token':"***",'v':1}`],
  )
})

test('properties of a message reach MQTT 5 subscribers unaltered, and others without', async () => {
  await using door = await MqttDoor.open()
  using current = await RawMqttClient.connect(door.port, 5)
  using old = await RawMqttClient.connect(door.port, 4)
  using publisher = await RawMqttClient.connect(door.port, 5)
  await subscribe(current, '#')
  await subscribe(old, '#')
  const properties = {
    payloadFormatIndicator: true,
    contentType: 'application/json',
    responseTopic: 'answers/here',
    correlationData: Buffer.from([1, 2, 3]),
    userProperties: { trace: 'abc' },
  }
  publisher.write(publisher.publish('some/topic', 'x'.repeat(20_000), 0, { properties }))
  const packet = await current.next('publish')
  assert.equal(packet.payload.length, 20_000)
  assert.deepEqual(
    { ...packet.properties, userProperties: { ...packet.properties?.userProperties } },
    properties,
  )
  assert.equal((await old.next('publish')).payload.length, 20_000)
})

test('No Local keeps a client from its own messages', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5)
  using other = await RawMqttClient.connect(door.port, 5)
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 0, nl: true, rh: 0 }] })
  await client.next('suback')
  client.write(client.publish('a', 'mine'))
  await client.ping()
  other.write(other.publish('a', 'yours'))
  assert.equal((await client.next('publish')).payload.toString(), 'yours')
})

test('a filter that is refused says why on MQTT 5, and does not harm its neighbours', async () => {
  const authorizer = {
    ...openAuthorizer,
    decide: (_p: unknown, _d: unknown, action: string, resource: string) =>
      action === 'subscribe' && resource.startsWith('secret')
        ? { allowed: false as const, reason: 'no' }
        : { allowed: true as const },
  }
  await using door = await MqttDoor.open({ authorizer, config: { maxSubscriptionsPerConnection: 2 } })
  const filters = ['$share/a', 'a/#/b', 'secret/x', 'ok', 'ok', 'two', 'three']
  using current = await RawMqttClient.connect(door.port, 5)
  assert.deepEqual(await subscribe(current, ...filters), [0x8f, 0x8f, 0x87, 1, 1, 1, 0x97])
  using old = await RawMqttClient.connect(door.port, 4)
  assert.deepEqual(await subscribe(old, ...filters), [0x80, 0x80, 0x80, 1, 1, 1, 0x80])
})

test('a subscriber that does not read loses messages, then its connection, and costs others nothing', async () => {
  await using door = await MqttDoor.open({ config: { outboundBytes: 64 * 1024, stallMs: 1000 } })
  using slow = await RawMqttClient.connect(door.port, 4)
  using quick = await RawMqttClient.connect(door.port, 4)
  using publisher = await RawMqttClient.connect(door.port, 4)
  await subscribe(slow, 'big')
  await subscribe(quick, 'big', 'end')
  slow.socket.pause()
  const payload = Buffer.alloc(64 * 1024, 'x')
  let received = 0
  // Until the kernel's buffers are full, whatever their size is.
  while (door.gateway.status().dropped < 10) {
    publisher.write(publisher.publish('big', payload))
    await quick.next('publish')
    received++
  }
  publisher.write(publisher.publish('end', 'x'))
  await quick.next('publish')
  const { delivered, dropped } = door.gateway.status()
  assert.equal(delivered + dropped, 2 * received + 1)
  door.clock.forward(2000)
  while (door.gateway.status().slowSubscribersClosed === 0) await new Promise(setImmediate)
  await quick.ping()
  assert.equal(door.gateway.status().slowSubscribersClosed, 1)
})

test('a client gets no packet larger than it asked for', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5, { properties: { maximumPacketSize: 100 } })
  await subscribe(client, '#')
  client.write(client.publish('a', 'x'.repeat(200)))
  client.write(client.publish('a', 'small'))
  assert.equal((await client.next('publish')).payload.toString(), 'small')
})

test('what a client publishes itself comes by its other filters where one is No Local', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await answering(door.port, 5)
  using other = await answering(door.port, 5)
  await client.subscribe([{ topic: 'n/#', qos: 2, nl: true }], { subscriptionIdentifier: 5 })
  await client.subscribe([{ topic: 'n/+', qos: 0 }], { subscriptionIdentifier: 6 })
  const came = async (publisher: RawMqttClient) => {
    await publisher.say('n/a', 'x', 2)
    const { qos, properties } = await client.next('publish')
    return { qos, ids: [properties?.subscriptionIdentifier ?? []].flat().toSorted((a, b) => a - b) }
  }
  assert.deepEqual(await came(client), { qos: 0, ids: [6] })
  assert.deepEqual(await came(other), { qos: 2, ids: [5, 6] })
})
