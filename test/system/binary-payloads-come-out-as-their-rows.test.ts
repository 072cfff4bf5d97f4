import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { SluiceHttp } from '../support/sluice-http.ts'
import { drained } from '../support/sluice-status.ts'

/** Written by Go, hexadecimal. */
const messages = JSON.parse(
  readFileSync(new URL('../fixtures/go/messages.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, string>>
const bytesOf = (name: string) => Buffer.from(messages[name] ?? assert.fail(name), 'hex')

const settings = {
  topics:
    "['dev/{device}/{metric}', 'sensor.{device}.registry.created', {topic: 'plc/{device}', format: protobuf}, " +
    "{topic: 'wd/{device}', format: sensor.SensorReading}, {topic: 'sensor.{device}.logs', format: gob}]",
}

interface Found<T> {
  readonly documents: readonly T[]
}

test('protobuf and gob that Go wrote come in over MQTT and HTTP and come out of the store', async (t) => {
  const running = await SluiceHttp.start(t, { settings })
  using client = await RawMqttClient.connect(running.sluice.mqttPort, 5)
  const typed = (contentType: string) => ({ properties: { contentType } })
  client.write(
    Buffer.concat([
      client.publish('plc/any', bytesOf('reading'), 1),
      client.publish('dev/x/y', bytesOf('batch'), 2, typed('application/x-protobuf')),
      client.publish('wd/any', bytesOf('sensor-reading'), 3),
      client.publish('sensor.AAD-1123.logs', bytesOf('log'), 4),
      client.publish('sensor/AAD-1123/registry/created', bytesOf('sensor'), 5, typed('application/gob')),
    ]),
  )
  assert.deepEqual(await client.acknowledged(5), [1, 2, 3, 4, 5])
  const type = { 'content-type': 'application/x-protobuf; proto=sensor.SensorReading' }
  const posted = await running.post(new Uint8Array(bytesOf('sensor-reading')), type)
  assert.deepEqual([posted.status, posted.answer.accepted], [202, 1])
  // The document is a row of the books, and stands in another stream than the readings.
  await drained(running.sluice, { rows: 12, letters: 1, timeoutMs: 60_000 })
  const logged = () => running.get<Found<{ key: string; body: unknown }>>('/api/v1/documents/device-logs')
  while ((await logged()).documents.length === 0) await setTimeout(50)

  const at = 1_705_314_600_123.456
  const rowsOf = async (device: string) =>
    (await running.rows(device)).map(({ metric, time, value }) => [metric, time, value])
  // The batch holds the reading once more, which replaces itself.
  assert.deepEqual(await rowsOf('pump1'), [
    ['on', at, 1],
    ['rpm', at, -1200],
    ['state', at, 'läuft'],
    ['temp', at, 25.5],
  ])
  assert.deepEqual(await rowsOf('b'), [['m', -1, 2 ** 53]])
  // Samples of one millisecond are told apart by their numbers.
  const sample = ['temperature', 1_705_314_600_123, 0.1]
  assert.deepEqual(await rowsOf('A:-7'), [sample, sample])
  const [frequency] = await running.rows('AAD-1123')
  assert.deepEqual([frequency?.metric, frequency?.value], ['sample_frequency', 25_000.5])
  const { documents } = await logged()
  assert.deepEqual(
    documents.map(({ key, body }) => [key, body]),
    [['AAD-1123', { level: 'INFO', message: 'self-test "PASSED"\n' }]],
  )
  const { letters } = await running.get<{ letters: { code: string; topic: string }[] }>(
    '/api/v1/dead-letters',
  )
  assert.deepEqual(
    letters.map(({ code, topic }) => [code, topic]),
    [['undecodable', 'dev/x/y']],
    'the empty reading of the batch',
  )
})
