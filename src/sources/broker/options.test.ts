import assert from 'node:assert/strict'
import test from 'node:test'
import { addressOf, brokerSchema } from './options.ts'

test('an address is that of a server, with its usual port, and nothing else', () => {
  assert.deepEqual(addressOf('mqtt://broker'), { host: 'broker', port: 1883, isTls: false })
  assert.deepEqual(addressOf('mqtts://broker.example.org'), {
    host: 'broker.example.org',
    port: 8883,
    isTls: true,
  })
  assert.deepEqual(addressOf('mqtts://[::1]:18883/'), { host: '::1', port: 18_883, isTls: true })
  const faulty = [
    'broker:1883',
    'http://broker',
    'ws://broker/mqtt',
    'mqtt://',
    'mqtt://u:p@broker',
    'mqtt://b/x?y',
  ]
  for (const url of faulty) assert.equal(brokerSchema.safeParse({ url }).success, false, url)
  for (const url of ['mqtt://broker', 'mqtts://broker:1'])
    assert.equal(brokerSchema.safeParse({ url }).success, true, url)
})

test('topics are filters of MQTT, shared or not', () => {
  const takes = (topic: string) => brokerSchema.safeParse({ url: 'mqtt://b', topics: [topic] }).success
  for (const topic of ['#', '+/a/+', 'a//b', '$SYS/#', '$share/g/#', '$share/g/a/+', '$share/g//a', '/'])
    assert.equal(takes(topic), true, topic)
  for (const topic of [
    '',
    'dev/#/x',
    'a+b',
    'a#',
    '$share',
    '$share/g',
    '$share/g/',
    '$share//a',
    '$share/+/a',
  ])
    assert.equal(takes(topic), false, topic)
  assert.equal(takes(`$share/g/${'x'.repeat(65_530)}`), false)
})

test('without more it shares dev/# and uns/# with other replicas', () => {
  const { topics, version, unmatched } = brokerSchema.parse({ url: 'mqtt://broker' })
  assert.deepEqual(topics, ['$share/ingestion/dev/#', '$share/ingestion/uns/#'])
  assert.deepEqual([version, unmatched], ['5', 'dead-letter'])
})

test('files of TLS need TLS and each other, and a password needs a user', () => {
  const faults = (options: object) =>
    brokerSchema.safeParse(options).error?.issues.map(({ path }) => path.join('.')) ?? []
  const all = { caFile: 'a', certFile: 'b', keyFile: 'c', user: 'u', password: 'p' }
  assert.deepEqual(faults({ url: 'mqtts://h', ...all }), [])
  assert.deepEqual(faults({ url: 'mqtt://h', ...all }), ['caFile', 'certFile', 'keyFile'])
  assert.deepEqual(faults({ url: 'mqtts://h', certFile: 'b' }), ['certFile'])
  assert.deepEqual(faults({ url: 'mqtts://h', keyFile: 'c' }), ['keyFile'])
  assert.deepEqual(faults({ url: 'mqtt://h', password: 'p' }), ['password'])
})
