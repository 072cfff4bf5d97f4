import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MqttProgram } from '../support/mqtt-program.ts'
import { needs } from '../support/needs.ts'
import { openSlowSocket, slowKinds } from '../support/slow-sockets.ts'
import { readStatus } from '../support/sluice-status.ts'

const sockets = 200
const deadlineMs = 1_500

test('sockets that hold a place and say nothing are closed by their deadline, and no client notices', {
  skip: needs('openssl'),
}, async (t) => {
  const program = await MqttProgram.start({
    'mqtt.connectTimeoutMs': String(deadlineMs),
    'mqtt.tls.handshakeTimeoutMs': String(deadlineMs),
  })
  t.after(() => program.stop())
  const client = await program.connect('tcp')
  const { mqttPort: mqtt } = program.sluice
  const opened = await Promise.all(
    Array.from({ length: sockets }, (_, i) =>
      openSlowSocket(slowKinds[i % slowKinds.length] ?? 'silent', { mqtt, tls: program.tlsPort }),
    ),
  )
  let isOver = false
  const closed = Promise.all(opened.map(async ({ kind, closed }) => ({ kind, ms: await closed }))).finally(
    () => {
      isOver = true
    },
  )
  let sent = 0
  while (!isOver) {
    await client.publishAsync('dev/pump1/temperature', JSON.stringify({ v: sent }), { qos: 1 })
    sent++
  }
  // That they are closed at all is the end of the wait; that they were not before it is no question of how busy the machine is.
  for (const { kind, ms } of await closed)
    if (kind !== 'half-open') assert.ok(ms >= deadlineMs, `${kind} after ${ms} ms`)
  const status = (await program.sluice.get('/status')) as {
    mqtt: Record<string, number> & { addresses: { failedHandshakes: number }[] }
  } // each member is looked at
  assert.equal(status.mqtt['connectionsOpen'], 1)
  assert.equal(status.mqtt['handshakesFailed'], sockets / slowKinds.length)
  assert.equal(status.mqtt['keepAliveTimeouts'], sockets / slowKinds.length)
  assert.equal(status.mqtt['connectionsRefused'], (2 * sockets) / slowKinds.length)
  assert.equal(status.mqtt.addresses[0]?.failedHandshakes, sockets / slowKinds.length)
  const { books } = await readStatus(program.sluice)
  assert.equal(books.rowsAccepted, sent)
  await client.endAsync()
})
