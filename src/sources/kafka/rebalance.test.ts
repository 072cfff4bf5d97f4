import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type KafkaFeed, kafkaFeed } from '../../../test/support/kafka-feed.ts'
import { KafkaTopic } from '../../../test/support/kafka-topic.ts'
import { needs, serverVariable } from '../../../test/support/needs.ts'

const skip = needs('kafka')
const address = () => serverVariable('kafka', 'TEST_KAFKA')

/** Records of which the first member has taken some that are not on its disk, when a second one comes. */
async function slowRebalance(topic: KafkaTopic, sessionTimeoutMs: number, until: Until): Promise<void> {
  await using first = await kafkaFeed(address(), topic.name, { sessionTimeoutMs })
  const send = (from: number) =>
    topic.send(
      Array.from({ length: 40 }, (_, i) => ({
        value: JSON.stringify({ device: 'd', ts: 1_700_000_000_000 + from + i, value: from + i }),
        partition: i % 4,
      })),
    )
  await send(0)
  await first.until(({ acknowledged }) => acknowledged === 40, 'some are taken')
  first.thread.isAutomatic = false
  await send(40)
  await first.until(({ unacknowledged }) => unacknowledged > 0, 'others are on their way to the disk')
  await using second = await kafkaFeed(address(), topic.name, { sessionTimeoutMs })
  await until(first, second)
  first.thread.isAutomatic = true
  first.thread.handle()
  const ends = await topic.ends()
  for (let told: number[] = []; told.join() !== ends.join(); told = await topic.committed(`g-${topic.name}`))
    await first.until(() => true, 'all are committed')
  await first.stop()
  await second.stop()
  const lines = [...first.lines, ...second.lines].join('\n')
  const values = (await first.rows()).map(({ value }) => value)
  assert.equal(new Set(values).size, values.length, lines)
  const all = [...values, ...(await second.rows()).map(({ value }) => value)]
  assert.equal(new Set(all).size, 80, lines)
  if (until === forLong) assert.equal(all.length, 80, lines)
}

type Until = (first: KafkaFeed, second: KafkaFeed) => Promise<void>

/** Longer than a stop has patience, shorter than half a session. */
const forLong: Until = async (first) => {
  await first.until(({ lag }) => lag === undefined, 'it gives its partitions up')
  await delay(3_500)
}

const forTooLong: Until = async (_, second) => {
  await second.until(({ accepted, lag }) => accepted >= 20 && lag === 0, 'the second has read its share')
}

test('while the disk is slow a rebalance waits for it: nothing is read by two', { skip }, async () => {
  await using topic = await KafkaTopic.create(address(), 4)
  await slowRebalance(topic, 60_000, forLong)
})

test('where the disk is too slow for a rebalance, a member reads nothing of what it keeps twice', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 4)
  await slowRebalance(topic, 6_000, forTooLong)
})

test('while the disk is slow an attempt waits for what the one before, which has failed, took', {
  skip,
}, async () => {
  await using topic = await KafkaTopic.create(address(), 1)
  await using feed = await kafkaFeed(address(), topic.name)
  await feed.until(({ lag }) => lag === 0, 'it reads')
  feed.thread.isAutomatic = false
  await topic.send([{ value: JSON.stringify({ device: 'd', ts: 1_700_000_000_000, value: 1 }) }])
  await feed.until(({ unacknowledged }) => unacknowledged > 0, 'one is on its way to the disk')
  // An attempt ends when there is more to share.
  await topic.grow(2)
  await feed.until(({ isConnected, connects }) => isConnected && connects === 2, 'the next one has joined')
  // Time in which it would take the record again.
  await delay(2_000)
  feed.thread.isAutomatic = true
  feed.thread.handle()
  while ((await topic.committed(`g-${topic.name}`)).join() !== '1,0')
    await feed.until(() => true, 'it is committed')
  await feed.stop()
  assert.equal(feed.runner.status.accepted, 1, feed.lines.join('\n'))
  assert.equal((await feed.rows()).length, 1, feed.lines.join('\n'))
})
