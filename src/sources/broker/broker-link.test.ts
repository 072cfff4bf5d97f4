import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import type { Server } from '../../../scripts/service/table.ts'
import { feedFrom, publishAll, publisherAt } from '../../../test/support/broker-feed.ts'
import { Authority } from '../../../test/support/certificates.ts'
import { turn } from '../../../test/support/gate.ts'
import { needs, needsToStart, serverVariable } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'
import { SilentProxy } from '../../../test/support/silent-proxy.ts'
import { freePort } from '../../prove/free-port.ts'

const skip = needsToStart('mosquitto')
const skipTls = skip || needs('openssl')
const urlOf = (broker: OwnServer) => broker.variable('TEST_MOSQUITTO_URL')

/** Mosquitto with these lines in place of `allow_anonymous true`. */
function withLines(lines: (folder: string) => readonly string[]): (server: Server) => Server {
  return (server) => ({
    ...server,
    async launch(folder, ports) {
      const launch = await server.launch(folder, ports)
      const file = path.join(folder, 'mosquitto.conf')
      const text = readFileSync(file, 'utf8')
      assert.match(text, /^allow_anonymous true$/m)
      writeFileSync(file, text.replace(/^allow_anonymous true$/m, lines(folder).join('\n')))
      return launch
    },
  })
}

async function takesOne(url: string, options: object = {}, publishTo = url): Promise<void> {
  const feed = await feedFrom(url, options)
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  const publisher = await publisherAt(publishTo)
  await publishAll(publisher, 'dev/pump/temp', ['21'])
  await publisher.endAsync()
  await feed.until(({ acknowledged }) => acknowledged === 1, 'a message is taken')
  await feed.stop()
  assert.equal((await feed.rows()).length, 1)
}

test('nobody there is tried again, and says where', async () => {
  const port = await freePort()
  const feed = await feedFrom(`mqtt://127.0.0.1:${port}`)
  await assert.rejects(feed.ended, { name: 'SourceFailure', kind: 'retry', message: new RegExp(`:${port}`) })
})

for (const version of ['5', '3.1.1']) {
  test(`a broker that restarts ends the attempt; the next one is subscribed (MQTT ${version})`, {
    skip,
  }, async () => {
    await using broker = await OwnServer.start('mosquitto')
    const feed = await feedFrom(urlOf(broker), { version })
    await feed.until(({ isConnected }) => isConnected, 'it is connected')
    // Killed, it has saved nothing: the session is gone.
    await broker.kill()
    await assert.rejects(feed.ended, { name: 'SourceFailure', kind: 'retry' })
    await broker.start()
    const again = await feedFrom(urlOf(broker), { version })
    await again.until(({ isConnected }) => isConnected, 'it is connected again')
    assert.match(again.lines.join(), /"sessionPresent":false/)
    await again.stop()
    await takesOne(urlOf(broker), { version })
  })
}

test('user and password; a wrong one is for somebody to mend', { skip }, async () => {
  const lines = (folder: string) => {
    const file = path.join(folder, 'passwords')
    execFileSync('mosquitto_passwd', ['-b', '-c', file, 'sluice', 'right'])
    return ['allow_anonymous false', `password_file ${file}`]
  }
  await using broker = await OwnServer.start('mosquitto', withLines(lines))
  const url = urlOf(broker)
  await takesOne(url, { user: 'sluice', password: 'right' }, url.replace('//', '//sluice:right@'))
  for (const version of ['5', '3.1.1']) {
    const feed = await feedFrom(url, { user: 'sluice', password: 'wrong-one', version })
    await assert.rejects(feed.ended, (error: Error & { kind: string }) => {
      assert.equal(error.kind, 'stop')
      assert.doesNotMatch(error.message + feed.lines.join(), /wrong-one/)
      return true
    })
  }
})

test('TLS with a certificate of our own; another authority is for somebody to mend', {
  skip: skipTls,
}, async (t) => {
  const authority = new Authority(t)
  const [server, client] = [authority.issue('broker'), authority.issue('sluice')]
  const lines = [
    ...['allow_anonymous true', 'require_certificate true', `cafile ${authority.caFile}`],
    ...[`certfile ${server.certFile}`, `keyfile ${server.keyFile}`],
  ]
  await using broker = await OwnServer.start(
    'mosquitto',
    withLines(() => lines),
  )
  const url = urlOf(broker).replace('mqtt:', 'mqtts:')
  const feed = await feedFrom(url, { caFile: authority.caFile, ...client })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await feed.stop()

  const stranger = await feedFrom(url, { caFile: new Authority(t, 'another').caFile, ...client })
  await assert.rejects(stranger.ended, { name: 'SourceFailure', kind: 'stop', message: /certificate/ })
  const missing = await feedFrom(url, { caFile: path.join(authority.folder, 'none.pem') })
  await assert.rejects(missing.ended, { name: 'SourceFailure', kind: 'stop', message: /none\.pem/ })
  const unshown = await feedFrom(url, { caFile: authority.caFile })
  await assert.rejects(unshown.ended, { name: 'SourceFailure' })
})

test('RabbitMQ: MQTT 3.1.1 with plain filters, and a hint where MQTT 5 is asked for', {
  skip: needs('rabbitmq'),
}, async () => {
  const url = serverVariable('rabbitmq', 'TEST_RABBITMQ_MQTT_URL')
  const { username: user, password, host } = new URL(url)
  const instance = randomBytes(6).toString('hex')
  const options = { user, password, topics: [`dev/${instance}/#`] }
  const five = await feedFrom(`mqtt://${host}`, options, { instance })
  await assert.rejects(five.ended, { kind: 'retry', message: /needs version: 3\.1\.1/ })

  const feed = await feedFrom(`mqtt://${host}`, { ...options, version: '3.1.1' }, { instance })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  const publisher = await publisherAt(url, { protocolVersion: 4 })
  const values = Array.from({ length: 200 }, (_, i) => i)
  await publishAll(publisher, `dev/${instance}/temp`, values.map(String))
  await publisher.endAsync()
  await feed.until(({ acknowledged }) => acknowledged === 200, 'all are taken')
  await feed.stop()
  assert.deepEqual(
    (await feed.rows()).map(({ value }) => value),
    values,
  )
  // The server is that of all tests: nothing of this one stays there.
  const clientId = `sluice-${instance}-factory`
  await (await publisherAt(url, { protocolVersion: 4, clientId, clean: true })).endAsync()
})

test('another client with our id ends it', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const first = await feedFrom(urlOf(broker))
  await first.until(({ isConnected }) => isConnected, 'the first is connected')
  const second = await feedFrom(urlOf(broker))
  // MQTT 5 has a reason code for it; this broker just closes.
  await assert.rejects(first.ended, { kind: 'retry', message: /another client came with our client id/ })
  await second.until(({ isConnected }) => isConnected, 'the second is connected')
  await second.stop()
})

test('replicas of one group share the messages', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feeds = await Promise.all(
    ['a1', 'b2', 'c3'].map((instance) => feedFrom(urlOf(broker), {}, { instance })),
  )
  for (const feed of feeds) await feed.until(({ isConnected }) => isConnected, 'it is connected')
  const publisher = await publisherAt(urlOf(broker))
  const values = Array.from({ length: 300 }, (_, i) => i)
  await publishAll(publisher, 'dev/pump/temp', values.map(String))
  await publisher.endAsync()
  const acknowledged = () => feeds.reduce((sum, feed) => sum + feed.source.status().acknowledged, 0)
  await feeds[0]?.until(() => acknowledged() === 300, 'all are taken')
  const taken: unknown[] = []
  for (const feed of feeds) {
    await feed.stop()
    const rows = await feed.rows()
    assert.ok(rows.length > 0, 'each has a share')
    taken.push(...rows.map(({ value }) => value))
  }
  assert.deepEqual(
    taken.map(Number).sort((a, b) => a - b),
    values,
  )
})

test('a broker that has gone silent is noticed', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  await using proxy = await SilentProxy.before(broker.port('mqtt'))
  const feed = await feedFrom(`mqtt://127.0.0.1:${proxy.port}`, { keepAliveSeconds: 2 })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  proxy.silence()
  await assert.rejects(feed.ended, { kind: 'retry', message: /has said nothing for \d+ s/ })
})

test('a broker that does not answer at all is given up in time', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  await using proxy = await SilentProxy.before(broker.port('mqtt'))
  proxy.silence()
  const feed = await feedFrom(`mqtt://127.0.0.1:${proxy.port}`, { connectTimeoutMs: 300 })
  await assert.rejects(feed.ended, { kind: 'retry', message: /not ready within 300 ms/ })
})

test('a stop while it connects ends it at once', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  await using proxy = await SilentProxy.before(broker.port('mqtt'))
  proxy.silence()
  const feed = await feedFrom(`mqtt://127.0.0.1:${proxy.port}`, { connectTimeoutMs: 60_000 })
  await feed.stop()
})

test('a topic that is no longer configured is dropped from the session', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const before = await feedFrom(urlOf(broker), { topics: ['dev/#', 'uns/#'] })
  await before.until(({ isConnected }) => isConnected, 'it is connected')
  await before.stop()
  const kept = (await before.documents('state')).at(-1)
  assert.equal(kept?.key, 'cursor/mqtt-broker/factory')
  const value = new TextEncoder().encode(kept?.body)
  const state = { get: (key: string) => (key === kept?.key ? value : undefined), entries: () => [] }

  const after = await feedFrom(urlOf(broker), { topics: ['dev/#'] }, { state })
  await after.until(({ isConnected }) => isConnected, 'it is connected')
  const publisher = await publisherAt(urlOf(broker))
  // What is kept last says that the filter is gone.
  while (!(await after.documents('state')).some(({ body }) => body === '["dev/#"]')) await turn()
  await publishAll(publisher, 'uns/plant/temp', ['1'])
  await publishAll(publisher, 'dev/pump/temp', ['2'])
  await publisher.endAsync()
  await after.until(({ acknowledged }) => acknowledged > 0, 'a message is taken')
  await after.stop()
  assert.deepEqual(
    (await after.rows()).map(({ value }) => value),
    [2],
  )
})
