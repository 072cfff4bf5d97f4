import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { test } from 'node:test'
import { MqttDoor, openAuthorizer } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'

test('CONNACK of MQTT 5 tells what is offered, and what is not where nothing is kept', async () => {
  await using door = await MqttDoor.open({ config: { maxKeepAliveSeconds: 60 } })
  using client = await RawMqttClient.open(door.port, 5)
  const properties = { sessionExpiryInterval: 100 }
  client.send({ cmd: 'connect', clientId: '', clean: true, keepalive: 300, properties })
  const connack = await client.next('connack')
  assert.equal(connack.reasonCode, 0)
  assert.equal(connack.sessionPresent, false)
  const { assignedClientIdentifier, ...offered } = connack.properties ?? {}
  assert.match(assignedClientIdentifier ?? '', /^sluice-/)
  assert.deepEqual(
    { ...offered },
    {
      receiveMaximum: 65_535,
      maximumQoS: 1,
      retainAvailable: false,
      maximumPacketSize: 4 * 1024 * 1024 + 2048,
      topicAliasMaximum: 32,
      serverKeepAlive: 60,
      sessionExpiryInterval: 0,
    },
  )
})

test('a 3.1.1 client gets session present 0 whatever it asks for', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.open(door.port)
  client.send({ cmd: 'connect', clientId: 'kept', clean: false, keepalive: 10 })
  const { returnCode, sessionPresent } = await client.next('connack')
  assert.deepEqual({ returnCode, sessionPresent }, { returnCode: 0, sessionPresent: false })
})

test('versions that are not spoken get the answer their version has', async () => {
  await using door = await MqttDoor.open()
  const ask = async (name: string, level: number): Promise<number[]> => {
    using client = await RawMqttClient.open(door.port)
    const received: Buffer[] = []
    client.socket.on('data', (bytes) => received.push(Buffer.from(bytes)))
    const body = Buffer.concat([
      Buffer.from([0, name.length]),
      Buffer.from(name),
      Buffer.from([level, 2, 0, 10, 0, 1, 97]),
    ])
    client.write(Buffer.concat([Buffer.from([0x10, body.length]), body]))
    await client.closed
    return [...Buffer.concat(received)].slice(0, 4)
  }
  assert.deepEqual(await ask('MQIsdp', 3), [0x20, 2, 0, 1])
  assert.deepEqual(await ask('MQTT', 3), [0x20, 2, 0, 1])
  assert.deepEqual(await ask('MQTT', 0x84), [0x20, 2, 0, 1])
  const [type, , present, code] = await ask('MQTT', 6)
  assert.deepEqual([type, present, code], [0x20, 0, 0x84])
  assert.deepEqual(await ask('HTTP', 4), [])
})

test('client ids: none needs a clean session, and none is longer than the limit', async () => {
  await using door = await MqttDoor.open()
  for (const [connect, code] of [
    [{ clientId: 'x'.repeat(257) }, 0x85],
    [{ clientId: 'a', properties: { receiveMaximum: 0 } }, 0x82],
    [{ clientId: 'a', properties: { authenticationMethod: 'SCRAM' } }, 0x8c],
    [{ clientId: 'a', will: { topic: 'w', payload: 'x', qos: 0 as const, retain: true } }, 0x9a],
    [{ clientId: 'a', will: { topic: 'w', payload: 'x', qos: 2 as const, retain: false } }, 0x9b],
    [{ clientId: 'a', will: { topic: 'w/#', payload: 'x', qos: 0 as const, retain: false } }, 0x90],
  ] as const) {
    using client = await RawMqttClient.open(door.port, 5)
    client.send({ cmd: 'connect', clean: true, keepalive: 0, ...connect })
    assert.equal((await client.next('connack')).reasonCode, code)
    await client.closed
  }
  using empty = await RawMqttClient.open(door.port)
  // mqtt-packet does not write this CONNECT: no client id and no clean session.
  empty.write(Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 10, 0, 0))
  assert.equal((await empty.next('connack')).returnCode, 2)
  await empty.closed
  assert.equal(door.gateway.status().connectionsRefused, 7)
})

test('a client that the authorizer refuses is told so', async () => {
  const authorizer = {
    ...openAuthorizer,
    decide: () => ({ allowed: false as const, reason: 'not from here' }),
  }
  await using door = await MqttDoor.open({ authorizer })
  using old = await RawMqttClient.open(door.port)
  old.send({ cmd: 'connect', clientId: 'a', clean: true, keepalive: 0 })
  assert.equal((await old.next('connack')).returnCode, 5)
  await old.closed
  using current = await RawMqttClient.open(door.port, 5)
  current.send({ cmd: 'connect', clientId: 'a', clean: true, keepalive: 0 })
  const { reasonCode, properties } = await current.next('connack')
  assert.deepEqual([reasonCode, properties?.reasonString], [0x87, 'not from here'])
  await current.closed
})

test('the second connection with a client id takes over from the first', async () => {
  await using door = await MqttDoor.open()
  using first = await RawMqttClient.connect(door.port, 5, { clientId: 'same' })
  using second = await RawMqttClient.connect(door.port, 4, { clientId: 'same' })
  assert.equal((await first.next('disconnect')).reasonCode, 0x8e)
  await first.closed
  using third = await RawMqttClient.connect(door.port, 4, { clientId: 'same' })
  await second.closed
  await third.ping()
  assert.equal(door.gateway.status().takeovers, 2)
})

test('a silent client is disconnected after one and a half keep-alives, an idle one without keep-alive is not', async () => {
  await using door = await MqttDoor.open()
  using silent = await RawMqttClient.connect(door.port, 5, { keepalive: 10 })
  using idle = await RawMqttClient.connect(door.port, 5, { keepalive: 0 })
  using sooner = await RawMqttClient.connect(door.port, 5, { keepalive: 8 })
  door.clock.forward(13_000)
  await sooner.closed // so the timers were judged
  await silent.ping()
  door.clock.forward(13_000)
  await silent.ping()
  door.clock.forward(15_500)
  assert.equal((await silent.next('disconnect')).reasonCode, 0x8d)
  await silent.closed
  await idle.ping()
})

test('who does not send CONNECT in time is closed', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.open(door.port)
  client.write(Uint8Array.of(0x10))
  await new Promise(setImmediate)
  door.clock.forward(10_001)
  await client.closed
  assert.equal(door.gateway.status().connectionsRefused, 1)
})

test('CONNECT comes first, once, and within its size', async () => {
  await using door = await MqttDoor.open()
  using publishing = await RawMqttClient.open(door.port)
  publishing.write(publishing.publish('dev/d/m', '1', 1))
  await publishing.closed
  using web = await RawMqttClient.open(door.port)
  web.write(Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'))
  await web.closed
  using large = await RawMqttClient.open(door.port)
  large.write(Uint8Array.of(0x10, 0xff, 0xff, 0x7f))
  await large.closed
  using twice = await RawMqttClient.connect(door.port, 5)
  twice.send({ cmd: 'connect', clientId: 'x', clean: true, keepalive: 0 })
  assert.equal((await twice.next('disconnect')).reasonCode, 0x82)
  await twice.closed
  assert.deepEqual(door.log.values, [])
})

test('CONNECT and messages may come in one read', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.open(door.port, 5)
  const connect = client.encode({ cmd: 'connect', clientId: 'a', clean: true, keepalive: 0 })
  client.write(Buffer.concat([connect, client.publish('dev/d/m', '1', 1)]))
  await client.next('connack')
  assert.deepEqual(await client.acknowledged(1), [1])
})

test('an address has no more than its connections', async () => {
  await using door = await MqttDoor.open({ config: { maxConnectionsPerAddress: 2 } })
  using a = await RawMqttClient.connect(door.port)
  using _b = await RawMqttClient.connect(door.port)
  const socket = net.connect(door.port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'close')
  a.destroy()
  await a.closed
  while (door.gateway.status().connectionsOpen > 1) await new Promise(setImmediate)
  using _c = await RawMqttClient.connect(door.port)
  assert.equal(door.gateway.status().connectionsRefused, 1)
})

test('a will is published when the connection breaks, and not when the client says goodbye', async () => {
  await using door = await MqttDoor.open()
  const will = { topic: 'dev/d/alive', payload: Buffer.from('0'), qos: 1 as const, retain: false }
  using polite = await RawMqttClient.connect(door.port, 5, { will })
  polite.send({ cmd: 'disconnect', reasonCode: 0 })
  await polite.closed
  using rude = await RawMqttClient.connect(door.port, 4, { will: { ...will, payload: Buffer.from('1') } })
  rude.destroy()
  await door.log.reached(1)
  using insisting = await RawMqttClient.connect(door.port, 5, {
    will: { ...will, payload: Buffer.from('2') },
  })
  insisting.send({ cmd: 'disconnect', reasonCode: 4 })
  await door.log.reached(2)
  assert.deepEqual(door.log.values, [1, 2])
  using plain = await RawMqttClient.connect(door.port, 4, { will: { ...will, topic: 'gone', retain: false } })
  plain.destroy()
  await door.log.reached(3)
  assert.equal(door.gateway.status().willsPublished, 3)
})

test('stopping accepts nobody, lets acknowledgements go out, and says goodbye', async () => {
  const door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5)
  using old = await RawMqttClient.connect(door.port, 4)
  using _waiting = await RawMqttClient.open(door.port)
  door.log.hold()
  client.write(client.publish('dev/d/m', '1', 1))
  old.write(old.publish('dev/d/m', '2', 2))
  await Promise.all([client.ping(), old.ping()])
  await door.log.reached(1)
  const stopped = door.stop()
  await assert.rejects(RawMqttClient.connect(door.port))
  assert.deepEqual(client.packets, [])
  door.log.letGo()
  assert.deepEqual(await client.acknowledged(1), [1])
  assert.deepEqual(await old.acknowledged(1), [2])
  assert.equal((await client.next('disconnect')).reasonCode, 0x8b)
  await Promise.all([client.closed, old.closed, stopped])
  assert.equal(door.gateway.status().connectionsOpen, 0)
  assert.equal(door.gateway.address(), undefined)
})

test('stopping does not wait for ever for a disk that does not answer', async () => {
  const door = await MqttDoor.open({ config: { drainMs: 200 } })
  using client = await RawMqttClient.connect(door.port, 5)
  door.log.hold()
  client.write(client.publish('dev/d/m', '1', 1))
  await door.log.reached(1)
  const stopped = door.stop()
  await client.closed
  assert.deepEqual(
    client.packets.filter(({ cmd }) => cmd === 'puback'),
    [],
  )
  door.log.letGo()
  await stopped
})

test('a port that is taken is a clear error', async () => {
  await using door = await MqttDoor.open()
  await assert.rejects(MqttDoor.open({ config: { port: door.port } }), {
    name: 'SluiceError',
    code: 'config-invalid',
  })
})

test('a client that says everything at once and finishes is heard to the end, though its session is to be kept first', async () => {
  await using door = await MqttDoor.open({ keeps: true })
  using listener = await RawMqttClient.connect(door.port)
  listener.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'said/#', qos: 0 }] })
  await listener.next('suback')
  using client = await RawMqttClient.open(door.port)
  const will = { topic: 'said/will', payload: Buffer.from('gone'), qos: 0, retain: false } as const
  client.socket.end(
    Buffer.concat([
      client.encode({ cmd: 'connect', clientId: 'brief', clean: false, keepalive: 0, will }),
      client.publish('said/last', 'words'),
      client.encode({ cmd: 'disconnect' }),
    ]),
  )
  await client.closed
  assert.equal((await listener.next('publish')).topic, 'said/last')
  await listener.ping()
  assert.deepEqual(listener.packets, []) // no will: the client has said goodbye
})
