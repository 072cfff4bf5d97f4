import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RawMqttClient } from '../support/raw-mqtt-client.ts'
import { SluiceHttp } from '../support/sluice-http.ts'

interface History {
  readonly stats: { readonly count: number }
  readonly points: readonly { readonly value: number }[]
}

const timeMs = 1_705_314_600_000
/** What is sent, and the topics whose history shows it: those that name the series where it stands. */
const messages: readonly [sentTo: string, payload: string, value: number, foundBy: readonly string[]][] = [
  ['uns/site1/pump1/temp', `{"v":1,"ts":${timeMs}}`, 1, ['uns/site1/pump1/temp', 'dev/site1/pump1/temp']],
  // The payload's own ids win over those of the topic.
  [
    'uns/site1/pump2/temp',
    `{"v":2,"ts":${timeMs},"device_id":"line1","tag_id":"speed"}`,
    2,
    ['dev/line1/speed'],
  ],
  ['uns/site1/pump3/temp', `{"v":3,"ts":${timeMs},"tag_id":"speed"}`, 3, ['uns/site1/pump3/speed']],
  // Each member is a metric, behind the topic's.
  ['uns/site1/pump4/temp', `{"rpm":4,"time":${timeMs}}`, 4, ['uns/site1/pump4/temp.rpm']],
  // A topic without a metric's name.
  ['devices/pump5/telemetry', `{"rpm":5,"time":${timeMs}}`, 5, ['dev/pump5/rpm']],
]

test('the history of a topic is that of the series it names, whatever topic its readings came by', async (t) => {
  const running = await SluiceHttp.start(t)
  using client = await RawMqttClient.connect(running.sluice.mqttPort, 5)
  client.write(Buffer.concat(messages.map(([topic, payload], i) => client.publish(topic, payload, i + 1))))
  await client.acknowledged(messages.length)
  await running.drained()
  const history = (topic: string) =>
    running.get<History>(`/api/history?topic=${encodeURIComponent(topic)}&from=${timeMs}&to=${timeMs + 1}`)
  for (const [sentTo, , value, foundBy] of messages) {
    for (const topic of foundBy) {
      const { stats, points } = await history(topic)
      assert.deepEqual([stats.count, points.map((point) => point.value)], [1, [value]], topic)
    }
    if (!foundBy.includes(sentTo)) assert.equal((await history(sentTo)).stats.count, 0, sentTo)
  }
})
