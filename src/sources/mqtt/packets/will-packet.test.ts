import assert from 'node:assert/strict'
import { test } from 'node:test'
import { generate, type IPublishPacket } from 'mqtt-packet'
import { RawMqttClient } from '../../../../test/support/raw-mqtt-client.ts'
import { MqttDoor } from '../../../../test/support/mqtt-door.ts'
import { answering, textOf } from '../../../../test/support/mqtt-sessions.ts'
import { parseControl } from './control-packet.ts'
import { PacketWalk, publish } from './packet-walk.ts'
import { willPacket } from './will-packet.ts'

const text = (value: string) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length), bytes])
}
const pair = (name: string, value: string) => Buffer.concat([Buffer.of(0x26), text(name), text(value)])

// Two of one name around another, and the delay in their midst.
const kept = [pair('a', '1'), pair('b', '2'), Buffer.of(0x02, 0, 0, 0, 9), pair('a', '3'), Buffer.of(0x01, 1)]
const delay = Buffer.of(0x18, 0, 0, 0, 0)
const properties = Buffer.concat([...kept.slice(0, 2), delay, ...kept.slice(2)])

function connectWithWill(flags: number): Buffer {
  const head = Buffer.concat([text('MQTT'), Buffer.of(5, 0x06 | flags, 0, 0)])
  const own = Buffer.of(5, 0x11, 0, 0, 0, 0)
  const will = [Buffer.of(properties.length), properties, text('\uFEFFwill/x'), text('of a')]
  const body = Buffer.concat([head, own, text('a'), ...will])
  return Buffer.concat([Buffer.of(0x10, body.length), body])
}

test('a will is published with its properties as they were given, in their order, without its delay', () => {
  for (const [flags, qos, retain] of [
    [0, 0, false],
    [0x28, 1, true],
    [0x10, 2, false],
  ] as const) {
    const connect = connectWithWill(flags)
    assert.ok(!('why' in parseControl(connect, 5)))
    const packet = willPacket(connect, 2, 5)
    const walk = new PacketWalk()
    assert.equal(walk.next(packet, 0, packet.length, 5, Number.POSITIVE_INFINITY), publish)
    assert.deepEqual([walk.qos, walk.retain, walk.end], [qos, retain, packet.length])
    assert.equal(Buffer.from(packet.subarray(walk.topicFrom, walk.topicTo)).toString(), '\uFEFFwill/x')
    const given = Buffer.concat(kept)
    assert.deepEqual(
      Buffer.from(packet.subarray(walk.propertiesFrom, walk.payloadFrom)),
      Buffer.concat([Buffer.of(given.length), given]),
    )
    assert.equal(Buffer.from(packet.subarray(walk.payloadFrom)).toString(), 'of a')
  }
})

test('a will of MQTT 3.1.1 has no properties', () => {
  const will = { topic: 'will', payload: Buffer.from('of a'), qos: 1, retain: true } as const
  const given = { clientId: 'a', clean: true, keepalive: 0, username: 'u', will } as const
  const connect = generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, ...given })
  const same: IPublishPacket = { cmd: 'publish', ...will, messageId: 1, dup: false }
  assert.deepEqual(Buffer.from(willPacket(connect, 2, 4)), generate(same, { protocolVersion: 4 }))
})

test('subscribers get the user properties of a will in their order', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using heir = await answering(door.port, 5)
  await heir.subscribe(['#'])
  const client = await RawMqttClient.open(door.port, 5)
  let received = Buffer.alloc(0)
  heir.socket.on('data', (bytes) => {
    received = Buffer.concat([received, Buffer.from(bytes.toString('latin1'), 'latin1')])
  })
  client.write(connectWithWill(0))
  await client.next('connack')
  client.destroy()
  assert.equal(textOf(await heir.next('publish')), 'of a')
  const order = [pair('a', '1'), pair('b', '2'), pair('a', '3')].map((one) => received.indexOf(one))
  assert.ok(!order.includes(-1))
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  )
})
