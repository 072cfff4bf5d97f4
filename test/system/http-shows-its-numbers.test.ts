import assert from 'node:assert/strict'
import test from 'node:test'
import mqtt from 'mqtt'
import { SluiceHttp } from '../support/sluice-http.ts'

test('what came in by every door stands in status and metrics, and Nexus’ history answers for its topic', async (t) => {
  const running = await SluiceHttp.start(t)
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.sluice.mqttPort}`)
  const begin = Date.now() - 60_000
  for (let i = 0; i < 30; i++)
    await client.publishAsync('dev/line1/press/temp', JSON.stringify({ v: i, q: 'good', ts: begin + i }), {
      qos: 1,
    })
  await client.publishAsync('dev/line1/press/temp', 'broken', { qos: 1 })
  await client.endAsync()
  for (let i = 0; i < 5; i++)
    await running.post(JSON.stringify({ device_id: 'h', tag_id: 'x', v: i, ts: begin + i }))
  await running.post('broken')
  await running.drained()

  const text = await (await fetch(`${running.url}/metrics`)).text()
  const sample = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')
        .at(-1),
    )
  assert.equal(sample('data_ingestion_points_received_total'), 37)
  assert.equal(sample('data_ingestion_points_written_total'), 35)
  assert.equal(sample('data_ingestion_points_dropped_total'), 0)
  assert.equal(sample('data_ingestion_parse_errors_total'), 2)
  assert.equal(sample('data_ingestion_write_errors_total'), 0)
  assert.ok(sample('data_ingestion_batches_flushed_total') >= 1)
  assert.ok(sample('data_ingestion_batch_duration_seconds_count') >= 1)
  assert.equal(sample('sluice_messages_total{door="mqtt",outcome="accepted"}'), 30)
  assert.equal(sample('sluice_messages_total{door="mqtt",outcome="dead_lettered"}'), 1)
  assert.equal(sample('sluice_messages_total{door="http",outcome="accepted"}'), 5)
  assert.equal(sample('sluice_messages_total{door="http",outcome="refused"}'), 1)
  assert.ok(sample('sluice_commit_seconds_count') >= 1)
  assert.ok(sample('sluice_end_to_end_seconds_count{sink="main"}') >= 1)
  assert.equal(sample('sluice_sink_backlog_rows{sink="main",stream="readings"}'), 0)

  const status = await running.get<{
    mqtt: { broker: string }
    ingestion: { points_received: number }
    addresses: Record<string, string>
  }>('/status')
  assert.equal(status.ingestion.points_received, 37)
  assert.equal(status.mqtt.broker, `mqtt://127.0.0.1:${running.sluice.mqttPort}`)
  assert.equal(status.addresses['http'], running.url)

  const history = await running.get<{ stats: unknown; points: { value: number }[] }>(
    '/api/history?topic=dev/line1/press/temp&limit=10',
  )
  assert.deepEqual(history.stats, { count: 30, avg: 14.5, min: 0, max: 29, latest: 29 })
  assert.deepEqual(
    history.points.map(({ value }) => value),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  )

  const { letters } = await running.get<{
    letters: { source: string; text: string; topic: string; code: string }[]
  }>('/api/v1/dead-letters')
  assert.deepEqual(
    letters.map(({ source, text, topic, code }) => [source, text, topic, code]),
    [['mqtt', 'broken', 'dev/line1/press/temp', 'undecodable']],
  )
})
