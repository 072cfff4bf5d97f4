import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connectAsync, type IClientOptions } from 'mqtt'
import { generate, type Packet, parser } from 'mqtt-packet'
import { type RawData, WebSocket } from 'ws'
import { MqttDoor, type MqttDoorOptions } from '../../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../../test/support/raw-mqtt-client.ts'
import { addMqttRoute } from '../../../api/mqtt-route.ts'
import { createServer } from '../../../api/server.ts'
import { localAuthorizer } from '../../../auth/local-authorizer.ts'

/** The gateway behind the HTTP server, as the program builds it. */
async function open(t: TestContext, options: MqttDoorOptions = {}) {
  const door = await MqttDoor.open(options)
  const server = createServer({ authorizer: localAuthorizer, hosts: [], origins: [], maxBodyBytes: 1_000 })
  const streams: Socket[] = []
  const sockets: WebSocket[] = []
  addMqttRoute(server, 1024 * 1024, {
    admit: (address) => door.gateway.webSocket.admit(address),
    serve(socket, stream) {
      streams.push(stream)
      sockets.push(socket)
      door.gateway.webSocket.serve(socket, stream)
    },
  })
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  let stopped: Promise<unknown> | undefined
  const stop = () => (stopped ??= Promise.all([door.stop(), server.close()]))
  t.after(stop)
  return { door, stop, streams, sockets, url: `ws://127.0.0.1:${port}/mqtt`, counters: door.gateway.status() }
}

/** A WebSocket that does what the test says, and reads the MQTT packets it gets. */
class RawSocket {
  readonly socket: WebSocket
  readonly packets: Packet[] = []
  readonly closed: Promise<number>
  #wake: () => void = () => {}

  constructor(url: string, protocol: string | undefined = 'mqtt', protocolVersion: 4 | 5 = 4) {
    this.socket = new WebSocket(url, protocol === '' ? [] : protocol, { autoPong: true })
    const reader = parser({ protocolVersion })
    reader.on('packet', (packet) => {
      this.packets.push(packet)
      this.#wake()
    })
    this.socket.on('message', (data: RawData) => {
      assert.ok(Buffer.isBuffer(data))
      reader.parse(data)
    })
    this.closed = new Promise((resolve) => this.socket.on('close', resolve))
    this.socket.on('error', () => {})
  }

  static async connect(url: string, protocolVersion: 4 | 5 = 4): Promise<RawSocket> {
    const client = new RawSocket(url, 'mqtt', protocolVersion)
    await once(client.socket, 'open')
    client.socket.send(connectPacket(protocolVersion))
    await client.received(1)
    return client
  }

  async received(count: number): Promise<readonly string[]> {
    while (this.packets.length < count) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.packets.map((packet) => packet.cmd)
  }
}

function connectPacket(protocolVersion: 4 | 5 = 4, clientId = ''): Buffer {
  return generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion,
    clientId,
    clean: true,
    keepalive: 0,
  })
}

function publish(messageId: number, payload: string | Buffer): Buffer {
  return generate({ cmd: 'publish', topic: 'dev/d/m', payload, qos: 1, messageId, dup: false, retain: false })
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

for (const protocolVersion of [4, 5] as const) {
  test(`the mqtt package publishes and subscribes over WebSocket (MQTT level ${protocolVersion})`, async (t) => {
    const { door, url, counters } = await open(t)
    const options: IClientOptions = { reconnectPeriod: 0, protocolVersion }
    const publisher = await connectAsync(url, options, false)
    const subscriber = await connectAsync(url, options, false)
    const last = Promise.withResolvers<string>()
    subscriber.on('message', (topic, payload) => {
      if (topic === 'dev/d/299') last.resolve(payload.toString())
    })
    await subscriber.subscribeAsync('dev/#')
    const all = Array.from({ length: 300 }, (_, i) =>
      publisher.publishAsync(`dev/d/${i}`, String(i), { qos: 1 }),
    )
    await Promise.all(all)
    assert.equal(door.log.values.length, 300)
    assert.equal(await last.promise, '299')
    await publisher.endAsync()
    await subscriber.endAsync()
    await until(() => counters.connectionsOpen === 0)
  })
}

test('a frame may hold a part of a packet, or several packets', async (t) => {
  const { door, url } = await open(t)
  const client = new RawSocket(url)
  await once(client.socket, 'open')
  for (const byte of connectPacket()) client.socket.send(Buffer.of(byte))
  await client.received(1)
  client.socket.send(Buffer.concat([publish(1, '1'), publish(2, '2'), publish(3, '3').subarray(0, 4)]))
  client.socket.send(publish(3, '3').subarray(4), { fin: false })
  client.socket.ping('between')
  const [pong] = (await once(client.socket, 'pong')) as [Buffer]
  assert.equal(pong.toString(), 'between')
  client.socket.send(publish(4, '4'))
  assert.deepEqual(await client.received(5), ['connack', 'puback', 'puback', 'puback', 'puback'])
  assert.deepEqual(door.log.values, [1, 2, 3, 4])
  client.socket.terminate()
})

test('a socket without the subprotocol gets 400, and one that sends text is closed with 1003', async (t) => {
  const { url, counters, door } = await open(t)
  for (const protocol of ['', 'chat']) {
    const refused = new RawSocket(url, protocol)
    const [error] = (await once(refused.socket, 'error')) as [Error]
    assert.match(error.message, /400/)
  }
  assert.equal(counters.connectionsAccepted, 0)
  const client = await RawSocket.connect(url)
  client.socket.send('hello')
  assert.equal(await client.closed, 1003)
  await until(() => counters.connectionsOpen === 0)
  assert.equal(counters.malformedPackets, 1)
  assert.equal(door.gateway.addresses(1)[0]?.malformed, 1)
})

test('a frame above its bound is closed with 1009: that of a packet, and before CONNACK that of CONNECT', async (t) => {
  const { url, counters } = await open(t, { config: { maxConnectBytes: 64 * 1024 } })
  const client = await RawSocket.connect(url)
  client.socket.send(publish(1, Buffer.alloc(512 * 1024))) // many reads
  await client.received(2)
  client.socket.send(Buffer.alloc(1024 * 1024 + 1))
  assert.equal(await client.closed, 1009)
  const early = new RawSocket(url)
  await once(early.socket, 'open')
  early.socket.send(Buffer.alloc(512 * 1024))
  assert.equal(await early.closed, 1009)
  await until(() => counters.connectionsOpen === 0)
})

test('what stands in unfinished frames takes of the budget of unfinished packets, and is given back', async (t) => {
  const { url, counters } = await open(t, { config: { assemblyTotalBytes: 300 * 1024 } })
  const clients = await Promise.all(Array.from({ length: 4 }, () => RawSocket.connect(url)))
  // Each begins a frame and does not end it: together they would hold 600 KiB.
  for (const { socket } of clients) socket.send(Buffer.alloc(150 * 1024), { fin: false })
  assert.equal(await Promise.race(clients.map(({ closed }) => closed)), 1008)
  for (const { socket } of clients) socket.terminate()
  await until(() => counters.connectionsOpen === 0)
  const next = await RawSocket.connect(url)
  next.socket.send(publish(1, Buffer.alloc(250 * 1024)))
  assert.deepEqual(await next.received(2), ['connack', 'puback'])
  next.socket.terminate()
})

test('a frame that does not come whole in time ends its connection', async (t) => {
  const { door, url, counters } = await open(t, { config: { packetTimeoutMs: 1_000 } })
  const client = await RawSocket.connect(url)
  client.socket.send(publish(1, Buffer.alloc(1024)), { fin: false })
  // The gateway looks at its clock several times a second.
  await until(() => {
    door.clock.forward(100)
    return counters.packetTooLate === 1
  })
  assert.equal(await client.closed, 1000)
})

test('connections are counted over TCP and WebSocket together', async (t) => {
  const { door, url, counters } = await open(t, { config: { maxConnectionsPerAddress: 2 } })
  using first = await RawMqttClient.connect(door.port)
  const second = await RawSocket.connect(url)
  const third = new RawSocket(url)
  const [error] = (await once(third.socket, 'error')) as [Error]
  assert.match(error.message, /503/)
  const fourth = await RawMqttClient.open(door.port)
  await fourth.closed
  assert.equal(counters.connectionsRefused, 2)
  first.destroy()
  await until(() => counters.connectionsOpen === 1)
  ;(await RawSocket.connect(url)).socket.terminate()
  second.socket.terminate()
})

test('a WebSocket that is not read from waits like any other, and its messages come later', async (t) => {
  const { door, url, streams, counters } = await open(t, { maxIntakeBytes: 4096 })
  const client = await RawSocket.connect(url)
  door.log.hold()
  const count = 20_000
  for (let id = 1; id <= count; id++) client.socket.send(publish(id, String(id)))
  await until(() => streams[0]?.isPaused() === true)
  assert.equal(client.packets.length, 1)
  assert.ok(counters.publishesQos1 < count, 'it was not all read')
  door.log.letGo()
  await client.received(1 + count)
  assert.equal(door.log.values.length, count)
  client.socket.terminate()
})

test('a peer that reads nothing costs its own deliveries and connection only', async (t) => {
  const { door, url, counters } = await open(t, { config: { outboundBytes: 64 * 1024, stallMs: 60_000 } })
  const deaf = await RawSocket.connect(url)
  deaf.socket.send(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'plain', qos: 0 }] }))
  await deaf.received(2)
  deaf.socket.pause()
  using publisher = await RawMqttClient.connect(door.port)
  const payload = Buffer.alloc(32 * 1024)
  while (counters.dropped === 0) {
    publisher.write(publisher.publish('plain', payload))
    await publisher.ping()
  }
  door.clock.forward(61_000)
  await until(() => counters.slowSubscribersClosed === 1 && counters.connectionsOpen === 1)
  deaf.socket.terminate()
})

test('answers to pings that nobody reads do not pile up', async (t) => {
  const { url, streams, sockets } = await open(t)
  const client = await RawSocket.connect(url)
  client.socket.pause()
  const data = Buffer.alloc(125)
  // More than what the system keeps for both sides.
  for (let i = 0; i < 200; i++) {
    for (let k = 0; k < 999; k++) client.socket.ping(data)
    await new Promise((resolve) => client.socket.ping(data, true, resolve))
  }
  await until(() => (streams[0]?.bytesRead ?? 0) > 200_000 * data.length)
  const waiting = sockets[0]?.bufferedAmount ?? 0
  assert.ok(waiting > 0 && waiting < 128 * 1024, `${waiting} bytes`)
  client.socket.terminate()
})

test('when the gateway stops, WebSockets get their acknowledgements and the reason', async (t) => {
  const { door, url, stop } = await open(t)
  const client = await RawSocket.connect(url, 5)
  door.log.hold()
  const message = { cmd: 'publish', topic: 'dev/d/m', payload: '1', qos: 1, messageId: 7 } as const
  client.socket.send(generate({ ...message, dup: false, retain: false }, { protocolVersion: 5 }))
  await door.log.reached(1)
  const stopped = stop()
  const late = new RawSocket(url)
  await once(late.socket, 'error') // nobody more is let in
  door.log.letGo()
  assert.deepEqual(await client.received(3), ['connack', 'puback', 'disconnect'])
  assert.deepEqual(
    client.packets.map((packet) => ('reasonCode' in packet ? packet.reasonCode : undefined)),
    [0, 0, 0x8b],
  )
  assert.equal(await client.closed, 1000)
  await stopped
})

test('a client that closes its WebSocket and goes on sending is cut off', async (t) => {
  const { url, counters, streams } = await open(t)
  const client = await RawSocket.connect(url)
  client.socket.pause() // reads no answer, so it does not end its side
  client.socket.close()
  await until(() => streams[0]?.destroyed === true && counters.connectionsOpen === 0)
  client.socket.terminate()
})
