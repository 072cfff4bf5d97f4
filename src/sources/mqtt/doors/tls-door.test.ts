import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import { test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'
import { Authority, type CertificatePair } from '../../../../test/support/certificates.ts'
import { MqttDoor } from '../../../../test/support/mqtt-door.ts'
import { needs } from '../../../../test/support/needs.ts'
import { RawMqttClient } from '../../../../test/support/raw-mqtt-client.ts'
import { silentLog } from '../log.ts'

const skip = needs('openssl')

async function open(t: TestContext, config: object, more = {}, logger = silentLog) {
  const door = await MqttDoor.open({ config: { tls: { port: 0, ...config }, ...more }, logger })
  t.after(() => door.stop())
  const port = door.gateway.tlsAddress()?.port
  assert.ok(port !== undefined)
  return { door, port, counters: door.gateway.status() }
}

function connect(port: number, ca: Buffer, more: IClientOptions = {}): Promise<MqttClient> {
  const options = { reconnectPeriod: 0, connectTimeout: 5_000, ca, ...more }
  return connectAsync(`mqtts://127.0.0.1:${port}`, options, false)
}

/** As MQTT.js takes a certificate of its own. */
function shown({ certFile, keyFile }: CertificatePair) {
  return { cert: fs.readFileSync(certFile), key: fs.readFileSync(keyFile) }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

async function certificateOf(port: number, ca: Buffer): Promise<string> {
  const socket = tls.connect({ port, host: '127.0.0.1', ca })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

test('clients publish over TLS, and who does not know the authority stays away', { skip }, async (t) => {
  const authority = new Authority(t)
  const { door, port, counters } = await open(t, authority.issue('server'))
  for (const protocolVersion of [4, 5] as const) {
    const client = await connect(port, authority.ca, { protocolVersion })
    await Promise.all([1, 2, 3].map((n) => client.publishAsync('dev/d/m', String(n), { qos: 1 })))
    await client.endAsync()
  }
  assert.equal(door.log.values.length, 6)
  const stranger = new Authority(t, 'another')
  await assert.rejects(connect(port, stranger.ca), /certificate|signature|issuer/)
  await until(() => counters.connectionsOpen === 0 && counters.handshakesFailed === 1)
})

test('a half-open TLS client gets its acknowledgements', { skip }, async (t) => {
  const authority = new Authority(t)
  const { door, port } = await open(t, authority.issue('server'))
  const below = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const socket = tls.connect({ socket: below, ca: authority.ca, host: '127.0.0.1' })
  await once(socket, 'secureConnect')
  const bytes: Buffer[] = []
  socket.on('data', (part: Buffer) => bytes.push(part))
  using plain = await RawMqttClient.open(door.port)
  door.log.hold()
  socket.write(plain.encode({ cmd: 'connect', clientId: 'half', clean: true, keepalive: 0 }))
  socket.end(plain.publish('dev/d/m', '1', 7))
  await door.log.reached(1)
  door.log.letGo()
  await once(socket, 'end')
  assert.deepEqual([...Buffer.concat(bytes)], [0x20, 2, 0, 0, 0x40, 2, 0, 7])
})

test('a client certificate is asked for as configured, and its subject is known', { skip }, async (t) => {
  const authority = new Authority(t)
  const stranger = new Authority(t, 'another')
  const server = authority.issue('server')
  const [pump, forged] = [authority.issue('pump1'), stranger.issue('pump1')]
  for (const clientCertificates of ['optional', 'required'] as const) {
    const caFile = authority.caFile
    const told: object[] = []
    const logger = { ...silentLog, debug: (fields: object) => told.push(fields) }
    const { port, counters, door } = await open(t, { ...server, caFile, clientCertificates }, {}, logger)
    const client = await connect(port, authority.ca, shown(pump))
    await client.publishAsync('dev/d/m', '1', { qos: 1 })
    await client.endAsync()
    const { fingerprint256: fingerprint } = new X509Certificate(shown(pump).cert)
    const certificate = { subject: 'O=Works\nCN=pump1', commonName: 'pump1', fingerprint }
    assert.deepEqual(told[0], { address: '127.0.0.1', ...certificate })
    await assert.rejects(connect(port, authority.ca, shown(forged)), clientCertificates)
    await until(() => counters.handshakesFailed === 1)
    if (clientCertificates === 'optional') await (await connect(port, authority.ca)).endAsync()
    else {
      await assert.rejects(connect(port, authority.ca))
      await until(() => counters.handshakesFailed === 2)
    }
    const [address] = door.gateway.addresses(1)
    assert.equal(address?.failedHandshakes, counters.handshakesFailed)
    assert.equal(address?.handshakes, 0)
  }
})

test('bytes that are no TLS, and TLS where none is spoken, end their connection and nothing else', {
  skip,
}, async (t) => {
  const authority = new Authority(t)
  const { door, port, counters } = await open(t, authority.issue('server'))
  const client = await connect(port, authority.ca)
  const plain = await RawMqttClient.open(port)
  plain.send({ cmd: 'connect', clientId: 'plain', clean: true, keepalive: 0 })
  await plain.closed
  await until(() => counters.handshakesFailed === 1)
  const secret = tls.connect({ port: door.port, host: '127.0.0.1', ca: authority.ca })
  await assert.rejects(once(secret, 'secureConnect'))
  await until(() => counters.connectionsOpen === 1 && counters.connectionsRefused === 1)
  await client.publishAsync('dev/d/m', '1', { qos: 1 })
  await client.endAsync()
})

test('a handshake has a deadline, however its bytes drip in', { skip }, async (t) => {
  const authority = new Authority(t)
  const { door, port, counters } = await open(t, { ...authority.issue('server'), handshakeTimeoutMs: 60_000 })
  const socket = net.connect(port, '127.0.0.1')
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  socket.write(Buffer.of(22, 3, 1)) // the begin of a ClientHello
  await until(() => door.gateway.addresses(1)[0]?.handshakes === 1)
  door.clock.forward(59_000)
  socket.write(Buffer.of(1))
  await new Promise((resolve) => setTimeout(resolve, 300)) // longer than a sweep
  assert.equal(counters.handshakesFailed, 0)
  door.clock.forward(2_000)
  await closed
  assert.equal(counters.handshakesFailed, 1)
  assert.equal(counters.connectionsOpen, 0)
})

test('connections of one address are counted over both doors, handshakes too, and those at once are bounded', {
  skip,
}, async (t) => {
  const authority = new Authority(t)
  const limits = { maxConnectionsPerAddress: 3 }
  const { door, port, counters } = await open(
    t,
    { ...authority.issue('server'), maxHandshakesPerAddress: 1 },
    limits,
  )
  using _first = await RawMqttClient.connect(door.port)
  const dial = async (to: number) => {
    const socket = net.connect(to, '127.0.0.1')
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    await once(socket, 'connect')
    return { socket, closed: once(socket, 'close') }
  }
  const slow = await dial(port)
  await until(() => door.gateway.addresses(1)[0]?.handshakes === 1)
  await (await dial(port)).closed // a second handshake
  assert.equal(counters.connectionsRefused, 1)
  using second = await RawMqttClient.connect(door.port)
  await (await dial(door.port)).closed // two connections and a handshake are three
  assert.equal(counters.connectionsRefused, 2)
  slow.socket.destroy()
  await until(() => door.gateway.addresses(1)[0]?.handshakes === 0)
  const client = await connect(port, authority.ca)
  await (await dial(port)).closed
  second.destroy()
  await client.endAsync()
})

test('new certificate files hold for new connections; running ones stay, and broken files change nothing', {
  skip,
}, async (t) => {
  const authority = new Authority(t)
  const [first, second] = [authority.issue('first'), authority.issue('second')]
  const files = { certFile: `${authority.folder}/tls.crt`, keyFile: `${authority.folder}/tls.key` }
  const put = ({ certFile, keyFile }: CertificatePair) => {
    fs.copyFileSync(certFile, files.certFile)
    fs.copyFileSync(keyFile, files.keyFile)
  }
  put(first)
  const { door, port } = await open(t, files)
  const before = await certificateOf(port, authority.ca)
  const running = await connect(port, authority.ca)
  let isDone = false
  const load = (async () => {
    let sent = 0
    while (!isDone) {
      await running.publishAsync('dev/d/m', String(sent), { qos: 1 })
      sent++
    }
    return sent
  })()
  const session = tls.connect({ port, host: '127.0.0.1', ca: authority.ca })
  const [ticket] = (await once(session, 'session')) as [Buffer]
  session.destroy()
  put(second)
  let after = before
  while (after === before) after = await certificateOf(port, authority.ca)
  // A session of before must not carry the old certificate on.
  const resumed = tls.connect({ port, host: '127.0.0.1', ca: authority.ca, session: ticket })
  await once(resumed, 'secureConnect')
  assert.equal(resumed.isSessionReused(), false)
  resumed.destroy()
  fs.writeFileSync(files.certFile, 'no certificate')
  await new Promise((resolve) => setTimeout(resolve, 2_500)) // both looks that it takes, and more
  assert.equal(await certificateOf(port, authority.ca), after)
  isDone = true
  const sent = await load
  assert.equal(running.connected, true)
  assert.equal(door.log.values.length, sent)
  await running.endAsync()
})

test('certificates that cannot be used keep it from starting, with the files named', { skip }, async (t) => {
  const authority = new Authority(t)
  const [one, other] = [authority.issue('one'), authority.issue('other')]
  for (const [config, why] of [
    [{ ...one, keyFile: other.keyFile }, /key values mismatch/],
    [{ ...one, certFile: '/nowhere/tls.crt' }, /ENOENT.*nowhere/],
    [{ ...one, caFile: one.keyFile, clientCertificates: 'optional' }, /mqtt\.tls/],
  ] as const) {
    await assert.rejects(open(t, config), (error: Error) => {
      assert.match(error.message, why)
      assert.ok(error.message.includes('mqtt.tls'))
      return true
    })
  }
})
