import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  addressOf,
  atLink,
  feedFrom,
  measurement,
  publishAll,
  queueFor,
  valuesOf,
} from '../../../test/support/amqp-feed.ts'
import { openGate } from '../../../test/support/gate.ts'
import { needsToStart } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'
import { cursorAt, isAt } from './stream-cursor.ts'

const skip = needsToStart('rabbitmq')
let server: OwnServer

before(async () => {
  if (skip === false) server = await OwnServer.start('rabbitmq')
})
after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]()
})

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

const send = (serial: string, values: readonly number[]) =>
  publishAll(
    addressOf(server),
    values.map((value) => measurement(serial, value)),
  )

const drop = (queue: string) =>
  atLink(addressOf(server), async (link) => {
    const channel = await link.channel()
    await channel.queueDelete(queue)
    await channel.close()
  })

test('what became durable after its connection was lost is not taken again', { skip }, async () => {
  const options = await queueFor(server, 'late', 'stream')
  await send('late', numbers(0, 500))
  const gate = await openGate()
  gate.thread.isAutomatic = false
  const feed = await feedFrom({ ...options, prefetch: 50 }, gate)
  await feed.until(({ accepted }) => accepted > 0, 'some are on their way to disk')
  // It gives up the wait for them, and acknowledges nothing.
  await feed.stop()
  assert.equal(feed.source.status().acknowledged, 0)
  feed.thread.isAutomatic = true
  feed.thread.handle()

  // A new program on the same log: it knows nothing but what is on disk.
  const { source: _, ...left } = feed
  const again = await feedFrom(options, left)
  const isAll = ({ accepted, unacknowledged }: { accepted: number; unacknowledged: number }) =>
    accepted > 0 && unacknowledged === 0
  await send('late', [500])
  await again.until(isAll, 'something is taken')
  // Looking at the log is all memory: without a pause the source would never have its turn.
  while ((await again.rows()).length < 501) await delay(20)
  await again.stop()
  assert.deepEqual(await valuesOf(again), numbers(0, 501))
})

test('a connection that is lost while a commit is on its way waits for it', { skip }, async () => {
  const options = await queueFor(server, 'lost', 'stream')
  await send('lost', numbers(0, 200))
  const gate = await openGate()
  gate.thread.isAutomatic = false
  const feed = await feedFrom({ ...options, prefetch: 50 }, gate)
  await feed.until(({ accepted }) => accepted > 0, 'some are on their way to disk')
  await drop(options.queue)
  let hasEnded = false
  feed.ended.catch(() => (hasEnded = true))
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(hasEnded, false)
  feed.thread.isAutomatic = true
  feed.thread.handle()
  await assert.rejects(feed.ended, { name: 'SourceFailure', kind: 'retry', message: /is the queue .* gone/ })
})

for (const [length, what] of [
  [3, 'shorter'],
  [300, 'longer'],
] as const) {
  test(`a ${what} stream that was made in its place is read from its first message`, { skip }, async () => {
    const serial = `replaced-${what}`
    const options = await queueFor(server, serial, 'stream')
    await send(serial, numbers(0, 100))
    const feed = await feedFrom(options)
    await feed.until(({ acknowledged }) => acknowledged === 100, 'all are taken')
    await feed.stop()
    await drop(options.queue)
    await queueFor(server, serial, 'stream')
    await send(serial, numbers(1000, 1000 + length))

    const { source: _, ...left } = feed
    const found = await feedFrom(options, left)
    await assert.rejects(found.ended, { name: 'SourceFailure', kind: 'retry', message: /another one/ })
    const again = await feedFrom(options, found)
    await again.until(({ acknowledged }) => acknowledged === length, 'all of the new one are taken')
    await again.stop()
    assert.deepEqual(await valuesOf(again), [...numbers(0, 100), ...numbers(1000, 1000 + length)])
  })
}

test('a stream that was never read begins where configuration says', { skip }, async () => {
  const options = await queueFor(server, 'begin', 'stream')
  await send('begin', numbers(0, 10))
  const feed = await feedFrom({ ...options, from: 'next' })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await send('begin', [10])
  await feed.until(({ accepted, unacknowledged }) => accepted === 1 && unacknowledged === 0, 'it is taken')
  await feed.stop()
  assert.deepEqual(await valuesOf(feed), [10])
})

for (const length of [0, 10]) {
  test(`a stream of ${length} messages, begun at its end, misses none that came while nobody read`, {
    skip,
  }, async () => {
    const serial = `end-${length}`
    const options = { ...(await queueFor(server, serial, 'stream')), from: 'next' as const }
    await send(serial, numbers(0, length))
    const feed = await feedFrom(options)
    await feed.until(({ isConnected }) => isConnected, 'it is connected')
    await feed.stop()
    await send(serial, numbers(100, 105))
    const { source: _, ...left } = feed
    const again = await feedFrom(options, left)
    await again.until(
      ({ accepted, unacknowledged }) => accepted === 5 && unacknowledged === 0,
      'all are taken',
    )
    await again.stop()
    assert.deepEqual(await valuesOf(again), numbers(100, 105))
  })
}

test('a message is told from one with the same body by its routing key, its time and its id', () => {
  const delivery = {
    tag: 1,
    redelivered: false,
    routingKey: 'dev.a.t',
    body: Buffer.from('{"value":1}'),
    contentType: undefined,
    contentEncoding: undefined,
    timestamp: 1,
    messageId: 'x',
    headers: { 'x-stream-offset': 7 },
  }
  const cursor = cursorAt({ vhost: '/', queue: 'q' }, delivery)
  assert.ok(isAt(cursor, { ...delivery, tag: 2, redelivered: true }))
  for (const other of [{ routingKey: 'dev.b.t' }, { timestamp: 2 }, { messageId: undefined }])
    assert.ok(!isAt(cursor, { ...delivery, ...other }), JSON.stringify(other))
})

test('the cursor of another queue is none of this one', { skip }, async () => {
  const one = await queueFor(server, 'one', 'stream')
  await send('one', numbers(0, 10))
  const feed = await feedFrom(one)
  await feed.until(({ acknowledged }) => acknowledged === 10, 'the first is read')
  await feed.stop()
  const other = await queueFor(server, 'other', 'stream')
  await send('other', numbers(10, 13))
  const { source: _, ...left } = feed
  const again = await feedFrom(other, left)
  await again.until(({ acknowledged }) => acknowledged === 3, 'the other is read')
  await again.stop()
  assert.deepEqual(await valuesOf(again), numbers(0, 13))
})
