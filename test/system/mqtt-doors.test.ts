import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Authority, type CertificatePair } from '../support/certificates.ts'
import { needs, toolPath } from '../support/needs.ts'
import { runCommand, startCommand } from '../support/run-command.ts'
import { SluiceHttp } from '../support/sluice-http.ts'
import { freePort } from '../../src/prove/free-port.ts'

// The doors of MQTT beside TCP, at the running program and from other programs.

const run = promisify(execFile)
const skip = needs('openssl', 'mosquitto_pub', 'mosquitto_sub')

async function start(t: TestContext, authority: Authority, settings: Readonly<Record<string, string>> = {}) {
  const { certFile, keyFile } = authority.issue('server')
  const tlsPort = await freePort()
  const tls = { 'mqtt.tls.port': String(tlsPort), 'mqtt.tls.certFile': certFile, 'mqtt.tls.keyFile': keyFile }
  const running = await SluiceHttp.start(t, { settings: { ...tls, ...settings } })
  return { running, tlsPort }
}

/** Publishes one value at QoS 1 over TLS; rejects if it was not acknowledged. */
function publish(port: number, caFile: string, value: number, shown?: CertificatePair) {
  const own = shown === undefined ? [] : ['--cert', shown.certFile, '--key', shown.keyFile]
  return run(
    toolPath('mosquitto_pub'),
    [
      ...['-h', '127.0.0.1', '-p', String(port), '--cafile', caFile, ...own],
      ...[
        '-q',
        '1',
        '-t',
        'dev/pump1/temperature',
        '-m',
        `{"v": ${value}, "ts": ${1_704_067_200_000 + value}}`,
      ],
    ],
    { timeout: 20_000 },
  )
}

test('the doors are told at the start and on /status, and simulate goes through each of them', {
  skip,
}, async (t) => {
  const authority = new Authority(t)
  const { running, tlsPort } = await start(t, authority)
  const { mqttPort, httpPort, output } = running.sluice
  const addresses = {
    http: `http://127.0.0.1:${httpPort}`,
    mqtt: `mqtt://127.0.0.1:${mqttPort}`,
    mqtts: `mqtts://127.0.0.1:${tlsPort}`,
    'mqtt-ws': `ws://127.0.0.1:${httpPort}/mqtt`,
  }
  const status = await running.get<{ addresses: Record<string, string> }>('/status')
  assert.deepEqual(status.addresses, addresses)
  for (const address of Object.values(addresses)) assert.ok(output.includes(address), address)

  for (const [more, name] of [
    [['--url', addresses.mqtts, '--ca', authority.caFile], 'tls'],
    [['--url', addresses['mqtt-ws']], 'ws'],
  ] as const) {
    const fleet = startCommand('simulate', '--trackers', '3', '--rate', '50', '--prefix', name, ...more)
    let isOver = false
    fleet.ended.finally(() => (isOver = true)).catch(() => undefined)
    while (!isOver && (await running.rows(`${name}-tracker-1`)).length === 0) await setTimeout(50)
    fleet.interrupt()
    const { code, out, err } = await fleet.ended
    assert.equal(code, 0, err)
    assert.match(out, /^not +0$/m)
  }
  const strange = await runCommand('simulate', '--url', addresses.mqtts)
  assert.equal(strange.code, 1)
  assert.match(strange.err, /certificate/)
  const useless = await runCommand('simulate', '--url', addresses.mqtt, '--ca', authority.caFile)
  assert.equal(useless.code, 2)
})

for (const clientCertificates of ['none', 'optional', 'required']) {
  test(`mosquitto_pub over TLS, client certificates ${clientCertificates}`, { skip }, async (t) => {
    const authority = new Authority(t)
    const stranger = new Authority(t, 'another')
    const { running, tlsPort } = await start(t, authority, {
      'mqtt.tls.caFile': authority.caFile,
      'mqtt.tls.clientCertificates': clientCertificates,
    })
    const own = authority.issue('pump1')
    const foreign = stranger.issue('pump1')
    const stored: number[] = []
    const tries = [
      { value: 1, ca: authority, shown: undefined, taken: clientCertificates !== 'required' },
      { value: 2, ca: authority, shown: own, taken: true },
      { value: 3, ca: authority, shown: foreign, taken: clientCertificates === 'none' },
      { value: 4, ca: stranger, shown: own, taken: false },
    ]
    for (const { value, ca, shown, taken } of tries) {
      const published = publish(tlsPort, ca.caFile, value, shown)
      if (taken) {
        await published
        stored.push(value)
      } else await assert.rejects(published, `${clientCertificates} ${value}`)
    }
    await running.drained()
    assert.deepEqual(
      (await running.rows('pump1')).map((row) => row.value),
      stored,
    )
    const { doors } = await running.get<{ doors: { mqtt: { accepted: number } } }>('/status')
    assert.equal(doors.mqtt.accepted, stored.length)
  })
}

test('mosquitto_sub over TLS gets what comes in over WebSocket', { skip }, async (t) => {
  const authority = new Authority(t)
  const { running, tlsPort } = await start(t, authority)
  const at = ['-h', '127.0.0.1', '-p', String(tlsPort), '--cafile', authority.caFile]
  const output = run(toolPath('mosquitto_sub'), [...at, '-t', 'devices/#', '-C', '1', '-W', '60'])
  const subscriptions = async () =>
    (await running.get<{ mqtt: { subscriptions: number } }>('/status')).mqtt.subscriptions
  while ((await subscriptions()) === 0) await setTimeout(20)
  const url = `ws://127.0.0.1:${running.sluice.httpPort}/mqtt`
  const fleet = startCommand('simulate', '--url', url, '--trackers', '1', '--rate', '20')
  assert.match((await output).stdout, /latitude/)
  fleet.interrupt()
  assert.equal((await fleet.ended).code, 0)
})
