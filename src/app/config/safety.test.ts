import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import test from 'node:test'
import { faults, sources } from '../../../test/support/config-sources.ts'
import { readConfig } from './load.ts'

test('a secret never stands in the file or on the command line, and is never printed', async (t) => {
  const yaml = 'stores:\n  a: {type: server, url: "db://user:hidden1@host/x", password: hidden2}\n'
  assert.deepEqual(await faults(t, yaml), [
    'stores.a.password (sluice.yaml:2:64): is a secret: write ${NAME} or ${file:PATH} instead of the secret itself',
  ])
  const set = 'stores.a.password=hidden2'
  const [line = ''] = await faults(t, 'stores:\n  a: {type: server, url: x}\n', { sets: [set] })
  assert.match(line, /^stores\.a\.password \(--set stores\.a\.password\): is a secret/)

  const from = sources(t, yaml.replace('hidden2', '"${SECRET}"').replace('x"', '${file:part}"'), {
    env: { SECRET: 'hidden2' },
  })
  writeFileSync(path.join(path.dirname(from.file ?? ''), 'part'), 'hidden3')
  const { printed, config } = await readConfig(from)
  assert.equal(config?.stores['a']?.options['password'], 'hidden2')
  assert.match(printed, /password: "\*\*\*"/)
  assert.match(printed, /url: "\*\*\*"/)
  assert.doesNotMatch(printed, /hidden/)
})

test('no fault shows a secret', async (t) => {
  const found = await faults(
    t,
    'stores:\n  a: {type: server, url: x, password: [hidden]}\n  b: {type: server, url: 7, password: "${P}"}\n',
    {
      env: { P: '' },
    },
  )
  assert.equal(found.length, 3, found.join('\n'))
  assert.doesNotMatch(found.join('\n'), /hidden/)
})

test('no fault shows the password of an address', async (t) => {
  const found = await faults(t, 'sources:\n  a: {type: mqtt://user:hidden@host, url: x}\n')
  assert.equal(found.length, 1, found.join('\n'))
  assert.match(found.join('\n'), /sources\.a\.type .*user:\*\*\*@host/)
  const [line = ''] = await faults(t, 'sources:\n  a: {type: "h:1,user:hid/den@host:9092", url: x}\n')
  assert.match(line, /got "h:\*\*\*@host:9092"/)
})

for (const door of ['http', 'mqtt', 'grpc']) {
  test(`${door}: a host off loopback without identity is a fault that names the key`, async (t) => {
    for (const host of [
      '0.0.0.0',
      '::',
      '192.168.1.7',
      'example.org',
      '127.0.0.1.example.org',
      '127.0.0.256',
      '1270.0.0.1',
    ]) {
      const [line, ...others] = await faults(t, `${door}:\n  host: "${host}"\n`)
      assert.match(line ?? '', new RegExp(`^${door}\\.host \\(sluice\\.yaml:2:9\\): .*no identity`), host)
      assert.deepEqual(others, [])
    }
    for (const host of [
      '127.0.0.1',
      '127.8.9.10',
      '::1',
      '[::1]',
      'localhost',
      'LOCALHOST',
      '::ffff:127.0.0.1',
    ])
      assert.deepEqual(await faults(t, `${door}:\n  host: "${host}"\n`), [], host)
  })
}

test('the TLS door has certificate and key or neither, an authority where clients need one, and no host off loopback', async (t) => {
  const cases = [
    ['{certFile: a}', 'mqtt.tls.certFile: needs mqtt.tls.keyFile beside it'],
    ['{keyFile: a}', 'mqtt.tls.keyFile: needs mqtt.tls.certFile beside it'],
    [
      '{clientCertificates: required}',
      'mqtt.tls.clientCertificates: required needs mqtt.tls.caFile, whose authorities sign them',
    ],
    [
      '{host: 0.0.0.0}',
      'mqtt.tls.host: "0.0.0.0" can be reached from other machines, and there is no identity to ask who calls: use 127.0.0.1',
    ],
    ['{port: 1883}', 'mqtt.tls.port: 1883 is the port of mqtt.port too'],
  ] as const
  for (const [tls, fault] of cases) {
    const found = await faults(t, `mqtt: {tls: ${tls}}\n`)
    assert.deepEqual(
      found.map((line) => line.replace(/ \(.*?\)/, '')),
      [fault],
    )
  }
  const whole = 'mqtt: {tls: {certFile: a, keyFile: b, caFile: c, clientCertificates: optional}}\n'
  assert.deepEqual(await faults(t, whole), [])
})

test('identity cannot be switched on before there is any, so it opens no door', async (t) => {
  const found = await faults(t, 'auth: {enabled: true}\nhttp: {host: 0.0.0.0}\n')
  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    ['auth.enabled', 'http.host'],
  )
})

test('what only the whole shows is a fault too: ports, names, sizes', async (t) => {
  const yaml = `http: {port: 1883}
log: {maxBytes: 100 MB}
limits: {payloadBytes: 5 MB}
sinks: {main: {type: file, path: x}, state: {type: file, path: y}}
`
  assert.deepEqual(
    (await faults(t, yaml)).map((line) => line.replace(/ \(.*\)/, '')),
    [
      'http.port: 1883 is the port of mqtt.port too',
      'log.segmentBytes: must be at most half of log.maxBytes, or retention has nothing to remove',
      'limits.payloadBytes: must not be above limits.batchBytes',
      'sinks.main: a store has this name already',
      "sinks.state: is the name of Sluice's own sink, which keeps its state; choose another",
    ],
  )
  assert.deepEqual(await faults(t, 'http: {port: 0}\nmqtt: {port: 0}\ngrpc: {port: 0}\n'), [])
})
