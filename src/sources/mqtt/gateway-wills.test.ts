import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IConnectPacket } from 'mqtt-packet'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import {
  answering,
  type ConnectOptions,
  lasting,
  textOf,
  textsOf,
} from '../../../test/support/mqtt-sessions.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { until } from '../../../test/support/until.ts'

type Will = NonNullable<IConnectPacket['will']>

function withWill(connect: ConnectOptions, text: string, more: Partial<Will> = {}): ConnectOptions {
  return { ...connect, will: { topic: 'will', payload: Buffer.from(text), qos: 1, retain: false, ...more } }
}

const delayed = (willDelayInterval: number) => ({ properties: { willDelayInterval } })

/** A client to whom each will comes. */
async function heir(door: MqttDoor): Promise<RawMqttClient> {
  const client = await answering(door.port, 5)
  await client.subscribe(['will'])
  return client
}

/** Resolves when the server has seen that the client is gone. */
async function die(door: MqttDoor, version: 4 | 5, connect: ConnectOptions): Promise<void> {
  const { connectionsOpen } = door.gateway.status()
  const client = await RawMqttClient.connect(door.port, version, connect)
  client.destroy()
  await until(() => door.gateway.status().connectionsOpen <= connectionsOpen)
}

/** What has come by the time that everything before has been taken; sweeps are not waited for. */
async function heard(client: RawMqttClient): Promise<string[]> {
  await client.say('will', 'end', 2)
  return textsOf(await client.messagesUntil('end'))
}

for (const version of [4, 5] as const) {
  test(`the will of a client that goes without a word is published; a goodbye takes it back (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    using client = await heir(door)
    for (const qos of [0, 1, 2] as const) {
      await die(door, version, withWill({ clientId: 'a' }, `will ${qos}`, { qos }))
      const will = await client.next('publish')
      assert.deepEqual([textOf(will), will.qos], [`will ${qos}`, qos])
    }
    await (await RawMqttClient.connect(door.port, version, withWill({ clientId: 'a' }, 'taken back'))).leave()
    // What the next one with this id does not say is nobody's will.
    await die(door, version, { clientId: 'a' })
    assert.deepEqual(await heard(client), [])
    assert.equal(door.gateway.status().willsPublished, 3)
  })

  test(`a retained will waits for who comes later (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    await die(door, version, withWill({}, 'retained', { qos: 2, retain: true }))
    await until(() => door.gateway.status().retainedMessages !== 0)
    await door.restart('stopped')
    using client = await heir(door)
    const will = await client.next('publish')
    assert.deepEqual([textOf(will), will.qos, will.retain], ['retained', 2, true])
  })

  test(`a will is published when the program is killed while its client is there (MQTT level ${version})`, async () => {
    await using door = await MqttDoor.open({ keeps: true })
    {
      using subscriber = await RawMqttClient.connect(door.port, 5, lasting(5, 'heir'))
      await subscriber.subscribe(['will'])
      using _lasting = await RawMqttClient.connect(
        door.port,
        version,
        withWill(lasting(version, 'a'), 'of a', { qos: 2 }),
      )
      using _brief = await RawMqttClient.connect(
        door.port,
        version,
        withWill({ clientId: 'b' }, 'of b', { qos: 2 }),
      )
      await door.restart('killed')
    }
    using client = await answering(door.port, 5, lasting(5, 'heir'))
    assert.deepEqual(textsOf(await client.messages(2)).toSorted(), ['of a', 'of b'])
    // By then it is on disk that they were received.
    for (let i = 0; i < 2; i++) await client.next('pubrel')
    // The session of b was to end with its connection, that of a lives on, and neither has a will any more.
    using b = await RawMqttClient.connect(door.port, version, { clientId: 'b', clean: false })
    assert.equal(b.connack?.sessionPresent, false)
    await door.restart('killed')
    using again = await answering(door.port, 5, lasting(5, 'heir'))
    assert.deepEqual(await heard(again), [])
    using a = await RawMqttClient.connect(door.port, version, lasting(version, 'a'))
    assert.equal(a.connack?.sessionPresent, true)
  })
}

test('a will has its properties, and what is left of its time counts from when it is published', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await heir(door)
  const properties = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 100,
    contentType: 'text/plain',
    responseTopic: 'answers',
    correlationData: Buffer.of(1, 2),
    userProperties: { a: ['1', '2'] },
  }
  await die(door, 5, withWill(lasting(5, 'a'), 'x', { properties: { willDelayInterval: 50, ...properties } }))
  door.clock.forward(51_000)
  const will = await client.next('publish')
  const { userProperties, messageExpiryInterval, ...more } = will.properties ?? {}
  assert.deepEqual({ ...more, userProperties: { ...userProperties }, messageExpiryInterval }, properties)
})

test('a will waits its delay, but no longer than the session lives, and its client takes it back by coming', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await heir(door)
  const lives = (seconds: number) => lasting(5, 'a', seconds)
  await die(door, 5, withWill(lives(100), 'after its delay', delayed(50)))
  door.clock.forward(49_000)
  assert.deepEqual(await heard(client), [])
  door.clock.forward(2_000)
  assert.equal(textOf(await client.next('publish')), 'after its delay')

  await die(door, 5, withWill(lives(100), 'taken back', delayed(50)))
  await die(door, 5, withWill(lasting(5, 'z'), 'of another', delayed(50)))
  const back = await RawMqttClient.connect(
    door.port,
    5,
    withWill(lives(100), 'of one that is there', delayed(50)),
  )
  assert.equal(back.connack?.sessionPresent, true)
  door.clock.forward(60_000)
  assert.equal(textOf(await client.next('publish')), 'of another')
  await back.leave()

  await die(door, 5, withWill(lives(20), 'with the session', delayed(50)))
  door.clock.forward(21_000)
  assert.equal(textOf(await client.next('publish')), 'with the session')
  await die(door, 5, withWill(lives(0), 'at once', delayed(50)))
  assert.equal(textOf(await client.next('publish')), 'at once')

  // A clean start ends the session that was there, whose will waits no longer.
  await die(door, 5, withWill(lives(100), 'before the clean start', delayed(50)))
  using clean = await RawMqttClient.connect(door.port, 5, { clientId: 'a', clean: true })
  assert.equal(clean.connack?.sessionPresent, false)
  assert.deepEqual(await heard(client), ['before the clean start'])
})

test('a will that waits survives a kill, and its client may still take it back', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  await die(door, 5, withWill(lasting(5, 'a'), 'of a', delayed(50)))
  await die(door, 5, withWill(lasting(5, 'b'), 'of b', delayed(50)))
  await door.restart('killed')
  using client = await heir(door)
  using _b = await RawMqttClient.connect(door.port, 5, lasting(5, 'b'))
  door.clock.forward(51_000)
  assert.equal(textOf(await client.next('publish')), 'of a')
  assert.deepEqual(await heard(client), [])
})

test('DISCONNECT with 0x04 publishes the will; a takeover does too, unless the will was to wait', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await heir(door)
  const first = await RawMqttClient.connect(door.port, 5, withWill({}, 'asked for'))
  first.send({ cmd: 'disconnect', reasonCode: 0x04 })
  assert.equal(textOf(await client.next('publish')), 'asked for')
  const connect = lasting(5, 'a')
  using _second = await RawMqttClient.connect(door.port, 5, withWill(connect, 'taken over'))
  using _third = await RawMqttClient.connect(door.port, 5, withWill(connect, 'waits', delayed(50)))
  assert.equal(textOf(await client.next('publish')), 'taken over')
  using _fourth = await RawMqttClient.connect(door.port, 5, connect)
  door.clock.forward(51_000)
  await _fourth.ping()
  assert.deepEqual(await heard(client), [])
})

test('a will on an ingest topic is a reading', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using client = await answering(door.port, 5)
  await client.subscribe(['dev/#'])
  await die(door, 5, withWill({}, '0', { topic: 'dev/pump/online' }))
  assert.equal(textOf(await client.next('publish')), '0')
  assert.deepEqual(door.log.values, [0])
})

test('wills have room for so many bytes: one that is published, taken back or replaced gives its own back', async () => {
  await using door = await MqttDoor.open({ keeps: true, config: { maxWillBytes: 1000 } })
  const will = (clientId: string) => withWill({ clientId }, 'x'.repeat(600))
  const codeOf = async (connect: ConnectOptions) => {
    using client = await RawMqttClient.open(door.port, 5)
    client.send({ cmd: 'connect', keepalive: 0, clientId: 'x', clean: true, ...connect })
    return (await client.next('connack')).reasonCode
  }
  const first = await RawMqttClient.connect(door.port, 5, will('a'))
  assert.equal(await codeOf(will('b')), 0x97)
  assert.equal(await codeOf({ clientId: 'b' }), 0)
  const second = await RawMqttClient.connect(door.port, 5, will('a'))
  first.destroy()
  assert.equal(await codeOf(will('b')), 0x97)
  await second.leave()
  while (door.gateway.status().connectionsOpen > 0) await new Promise(setImmediate)
  await die(door, 5, will('b'))
  using _third = await RawMqttClient.connect(door.port, 5, will('c'))
  await door.restart('killed') // the will of c is there until it is published
  using _fourth = await heir(door)
  await _fourth.next('publish')
  using _fifth = await RawMqttClient.connect(door.port, 5, will('d'))
  assert.equal(door.gateway.status().willsRefused, 0)
})
