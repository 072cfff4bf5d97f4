import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import test from 'node:test'
import { type KafkaFeed, kafkaFeed } from '../../../test/support/kafka-feed.ts'
import { KafkaTopic } from '../../../test/support/kafka-topic.ts'
import { needs, serverVariable } from '../../../test/support/needs.ts'

const skip = needs('kafka')
const address = () => serverVariable('kafka', 'TEST_KAFKA')
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
  // With the session timeout that nobody has configured, unlike the others here.
  await using feed = await kafkaFeed(address(), topic.name, { sessionTimeoutMs: undefined })
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
  await using feed = await kafkaFeed(address(), topic.name)
  await feed.until(({ acknowledged }) => acknowledged === 5, 'all are taken')
  await feed.stop()
  assert.deepEqual(
    (await feed.rows()).map(({ value }) => value),
    [1, 2],
  )
  const letters = (await feed.documents('dead-letters')).map(({ body }) => JSON.parse(body) as Letter)
  assert.deepEqual(
    letters.map(({ offset, source, code }) => [offset, source, code]),
    [1, 2, 3].map((offset) => [`${topic.name}[0]@${offset}`, 'plant', 'undecodable']),
  )
})

interface Letter {
  readonly offset: string
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
  await using first = await kafkaFeed(address(), topic.name)
  await first.until(({ isConnected }) => isConnected, 'the first is there')
  await send(0, 2_000)
  await using second = await kafkaFeed(address(), topic.name)
  let sent = 2_000
  while (second.runner.status.accepted === 0) await send(sent, (sent += 50))
  await send(sent, (sent += 1_000))
  await first.stop()
  await send(sent, (sent += 1_000))
  const ends = await topic.ends()
  for (let told: number[] = []; told.join() !== ends.join(); told = await topic.committed(`g-${topic.name}`))
    await second.until(({ failures }) => failures === 0, 'all are committed')
  await second.stop()

  const rows = [...(await first.rows()), ...(await second.rows())]
  assert.equal(new Set(rows.map(({ value }) => value)).size, sent)
  // Who gave a partition up had told Kafka how far it had come: nobody read a record twice.
  const records = ends.reduce((sum, end) => sum + end, 0)
  assert.equal(rows.length, records, [...first.lines, ...second.lines].join('\n'))
})

test('records of a transaction that was taken back are no data, wherever its marker stands', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1, {
    transactionalId: randomUUID(),
    idempotent: true,
  })
  await topic.sendCommitted([{ value: reading('a', 1) }])
  // Larger than one fetch, so that its records come without the marker that voids them.
  const large = 'x'.repeat(1_000)
  for (let i = 0; i < 3; i++)
    await topic.sendAborted(
      numbers(20).map((n) => ({
        value: JSON.stringify({ device: 'void', ts: startMs + n, value: n, large }),
      })),
    )
  await topic.sendCommitted([{ value: reading('a', 2) }])
  await using feed = await kafkaFeed(address(), topic.name, { fetchBytes: 4_096 })
  await feed.until(({ acknowledged, lag }) => acknowledged === 2 && lag === 0, 'the others are taken')
  await feed.stop()
  assert.deepEqual(
    (await feed.rows()).map(({ device, value }) => `${device} ${value}`),
    ['a 1', 'a 2'],
  )
})

test('without an offset of the group it begins where configuration says, and after a restart goes on from there', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await topic.send([{ value: reading('a', 1) }])
  await using feed = await kafkaFeed(address(), topic.name, { startAt: 'latest' })
  await feed.until(({ lag }) => lag === 0, 'it reads')
  while ((await topic.committed(`g-${topic.name}`))[0] !== 1)
    await feed.until(() => true, 'the begin is committed')
  await feed.stop()
  await topic.send([{ value: reading('a', 2) }])
  await using again = await kafkaFeed(address(), topic.name, { startAt: 'latest' })
  await again.until(({ acknowledged }) => acknowledged === 1, 'what came meanwhile is taken')
  await again.stop()
  assert.deepEqual(
    (await again.rows()).map(({ value }) => value),
    [2],
  )
})

test('a topic that is not there puts the source down, and it is read once it is made', { skip }, async () => {
  await using feed = await kafkaFeed(address(), `missing-${randomUUID()}`)
  const { error } = await feed.until(({ state }) => state === 'down', 'it is down')
  assert.match(error ?? '', /there is no such topic/)
  await feed.stop()
})

test('while the dead letters are full, poison is neither skipped nor committed, and comes again when there is room', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await topic.send([{ value: reading('a', 1) }, { value: 'poison' }, { value: reading('a', 3) }])
  await using full = await kafkaFeed(address(), topic.name, {}, { deadLetters: { maxBytes: 10 } })
  await full.until(
    ({ acknowledged, refused }) => acknowledged === 1 && refused > 1,
    'the first is taken, poison is tried again',
  )
  await full.stop()
  assert.deepEqual(await topic.committed(`g-${topic.name}`), [1])
  await using feed = await kafkaFeed(address(), topic.name)
  await feed.until(({ acknowledged }) => acknowledged === 2, 'the others are taken')
  await feed.stop()
  assert.equal((await feed.documents('dead-letters')).length, 1)
  assert.deepEqual(
    (await feed.rows()).map(({ value }) => value),
    [3],
  )
})

test('where the next records are gone it goes on with the first there are, also of a topic that was made anew', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await topic.send(numbers(5).map((i) => ({ value: reading('a', i) })))
  await using feed = await kafkaFeed(address(), topic.name)
  await feed.until(({ acknowledged }) => acknowledged === 5, 'five are taken')
  await feed.stop()
  await topic.send(numbers(5).map((i) => ({ value: reading('a', 5 + i) })))
  await topic.deleteBelow(8)
  await using again = await kafkaFeed(address(), topic.name)
  await again.until(({ acknowledged }) => acknowledged === 2, 'what is left is taken')
  assert.ok(
    again.lines.some((line) => /warn: the next record is gone .*"expected":"5","first":"8"/.test(line)),
  )

  await topic.remake(1)
  await topic.send(numbers(3).map((i) => ({ value: reading('a', 10 + i) })))
  await again.until(
    ({ accepted, lag }) => accepted === 5 && lag === 0,
    'the new topic is read from its beginning',
  )
  await again.stop()
  assert.deepEqual(
    (await again.rows()).map(({ value }) => value),
    [8, 9, 10, 11, 12],
  )
})

test('where the topic has lost its end it goes on near the last records taken, and so does a restart', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  const group = `g-${topic.name}`
  // Ten minutes lie between them.
  const minutes = (i: number) => startMs + i * 600_000
  const send = (i: number) =>
    topic.send([{ value: reading('a', i), key: 'k', timestamp: BigInt(minutes(i)) }])
  for (const i of numbers(5)) await send(i)
  const stateOf = async (feed: KafkaFeed) =>
    new Map((await feed.documents('state')).map(({ key, body }) => [key, body]))

  await using feed = await kafkaFeed(address(), topic.name)
  await feed.until(({ acknowledged }) => acknowledged === 5, 'five are taken')
  await feed.stop()
  const [[key, body] = ['', '']] = await stateOf(feed)
  assert.equal(body, `5 5 ${minutes(4)}`)

  // As if there had been eight, and the last five of them are lost; two were sent since.
  const cursor = new Map([[key, `8 8 ${minutes(3)}`]])
  await topic.setCommitted(group, 8n)
  await using shorter = await kafkaFeed(address(), topic.name, {}, {}, cursor)
  await shorter.until(({ acknowledged, lag }) => acknowledged === 2 && lag === 0, 'two are taken')
  assert.ok(shorter.lines.some((line) => /warn: the topic has lost its end.*"expected":"8"/.test(line)))
  assert.deepEqual(await topic.committed(group), [5])
  await shorter.stop()
  assert.deepEqual(
    (await shorter.rows()).map(({ value }) => value),
    [3, 4],
  )

  await topic.setCommitted(group, 8n)
  for (const i of [5, 6, 7, 8, 9]) await send(i)
  // Killed before Kafka was told: what it kept counts, and not the group's offset.
  const killed = new Map([[key, `5 8 ${minutes(4)}`]])
  await using again = await kafkaFeed(address(), topic.name, {}, {}, killed)
  await again.until(({ acknowledged, lag }) => acknowledged === 5 && lag === 0, 'the others are taken')
  await again.stop()
  assert.deepEqual(
    (await again.rows()).map(({ value }) => value),
    [5, 6, 7, 8, 9],
  )
})

test('partitions that are added are read from their beginning', { skip }, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await using feed = await kafkaFeed(address(), topic.name, { startAt: 'earliest' })
  await feed.until(({ lag }) => lag === 0, 'it reads')
  await topic.grow(3)
  await topic.send(numbers(30).map((i) => ({ value: reading('a', i), partition: i % 3 })))
  await feed.until(({ acknowledged, lag }) => acknowledged === 30 && lag === 0, 'all are taken')
  await feed.stop()
  const values = (await feed.rows()).map(({ value }) => value)
  assert.deepEqual(
    values.toSorted((a, b) => Number(a) - Number(b)),
    numbers(30),
    feed.lines.join('\n'),
  )
})
