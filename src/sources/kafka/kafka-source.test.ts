import assert from 'node:assert/strict'
import test from 'node:test'
import { kafkaFeed } from '../../../test/support/kafka-feed.ts'
import { KafkaTopic } from '../../../test/support/kafka-topic.ts'
import { needs, serverVariable } from '../../../test/support/needs.ts'

const skip = needs('kafka')
const address = () => serverVariable('kafka', 'SLUICE_TEST_KAFKA')
const startMs = 1_700_000_000_000
const reading = (device: string, i: number) => JSON.stringify({ device, ts: startMs + i, value: i })
const numbers = (count: number) => Array.from({ length: count }, (_, i) => i)

test('records become rows of the device that they name, else of their key', { skip }, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await topic.send([
    // F2 of a tracker, whose `id` is its device, and a record that only its key names.
    { value: '{"id":"t1","latitude":1.5,"longitude":2.5,"altitude":3,"battery":80,"timestamp":1700000000}' },
    { value: reading('named', 1), key: 'key' },
    { value: `{"ts":${startMs},"value":3}`, key: 'keyed' },
    { value: `{"ts":${startMs},"value":4}` },
  ])
  const feed = await kafkaFeed(address(), topic.name)
  await feed.until(
    ({ acknowledged, lag }) => acknowledged === 4 && lag === 0,
    'all are taken, and their offsets committed',
  )
  assert.deepEqual(await topic.committed(`g-${topic.name}`), [4])
  const { accepted, deadLettered } = feed.runner.status
  assert.deepEqual([accepted, deadLettered], [3, 1])
  await feed.stop()
  const rows = (await feed.rows()).map(({ device, value }): unknown[] => [device, value])
  assert.deepEqual(rows, [...[1.5, 2.5, 3, 80].map((value) => ['t1', value]), ['named', 1], ['keyed', 3]])
})

test('poison becomes dead letters that name topic, partition and offset; its neighbours are stored', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await topic.send([
    { value: reading('a', 1), key: 'k' },
    { value: '{"id":', key: 'k' },
    { value: '', key: 'k' },
    { value: 'x', key: 'k', headers: { 'content-type': 'image/png' } },
    { value: reading('a', 2), key: 'k' },
  ])
  const feed = await kafkaFeed(address(), topic.name)
  await feed.until(({ acknowledged }) => acknowledged === 5, 'all are taken')
  await feed.stop()
  assert.deepEqual(
    (await feed.rows()).map(({ value }) => value),
    [1, 2],
  )
  const letters = (await feed.documents('dead-letters')).map(({ body }) => JSON.parse(body) as Letter)
  assert.deepEqual(
    letters.map(({ topic, source, code }) => [topic, source, code]),
    [1, 2, 3].map((offset) => [`${topic.name}[0]@${offset}`, 'plant', 'undecodable']),
  )
})

interface Letter {
  readonly topic: string
  readonly source: string
  readonly code: string
}

test('twelve partitions are shared by two members, also while one comes and one goes: no record is lost', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 12)
  const send = (from: number, to: number) =>
    topic.send(
      numbers(to - from).map((i) => {
        const device = `d${(from + i) % 50}`
        return { value: reading(device, from + i), key: device }
      }),
    )
  const first = await kafkaFeed(address(), topic.name)
  await first.until(({ isConnected }) => isConnected, 'the first is there')
  await send(0, 2_000)
  const second = await kafkaFeed(address(), topic.name)
  let sent = 2_000
  while (second.runner.status.accepted === 0) await send(sent, (sent += 50))
  await send(sent, (sent += 1_000))
  await first.stop()
  await send(sent, (sent += 1_000))
  const total = sent
  await second.until(
    ({ accepted, lag }) => accepted + first.runner.status.accepted >= total && lag === 0,
    'all are taken',
  )
  await second.until(({ unacknowledged }) => unacknowledged === 0, 'all are committed')
  await second.stop()

  const rows = [...(await first.rows()), ...(await second.rows())]
  assert.equal(new Set(rows.map(({ value }) => value)).size, total)
  // Who gave a partition up had told Kafka how far it had come: nobody read a record twice.
  assert.equal(rows.length, total)
  const committed = await topic.committed(`g-${topic.name}`)
  assert.equal(
    committed.reduce((sum, offset) => sum + Math.max(0, offset), 0),
    total,
  )
})
