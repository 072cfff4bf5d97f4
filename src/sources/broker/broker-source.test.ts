import assert from 'node:assert/strict'
import test from 'node:test'
import { type BrokerFeed, feedFrom, publishAll, publisherAt } from '../../../test/support/broker-feed.ts'
import { needsToStart } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'

const skip = needsToStart('mosquitto')
const urlOf = (broker: OwnServer) => broker.variable('TEST_MOSQUITTO_URL')
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

async function valuesOf(feed: BrokerFeed): Promise<unknown[]> {
  return (await feed.rows()).map(({ value }) => value)
}

async function lettersOf(feed: BrokerFeed): Promise<{ code: string; topic: string; reason: string }[]> {
  const documents = await feed.documents('dead-letters')
  // as: a letter as the intake writes it.
  return documents.map(({ body }) => JSON.parse(body) as { code: string; topic: string; reason: string })
}

async function publish(broker: OwnServer, topic: string, payloads: Iterable<string>): Promise<void> {
  const publisher = await publisherAt(urlOf(broker))
  await publishAll(publisher, topic, payloads)
  await publisher.endAsync()
}

for (const version of ['5', '3.1.1']) {
  test(`messages become rows in their order, and are acknowledged (MQTT ${version})`, { skip }, async () => {
    await using broker = await OwnServer.start('mosquitto')
    const feed = await feedFrom(urlOf(broker), { version })
    await feed.until(({ isConnected }) => isConnected, 'it is connected')
    await publish(broker, 'dev/pump/temp', numbers(0, 500))
    await publish(broker, 'uns/plant/pump/temp', ['500'])
    const publisher = await publisherAt(urlOf(broker))
    await publisher.publishAsync('dev/pump/temp', '501', { qos: 0 })
    await publisher.endAsync()
    const isAll = ({ accepted, unacknowledged }: { accepted: number; unacknowledged: number }) =>
      accepted === 502 && unacknowledged === 0
    await feed.until(isAll, 'all are taken')
    await feed.stop()
    assert.deepEqual(await valuesOf(feed), numbers(0, 502).map(Number))
    assert.equal(feed.source.status().acknowledged, 501, 'QoS 0 knows no acknowledgement')

    // The session is kept: what comes meanwhile waits, and what was acknowledged does not come again.
    await publish(broker, 'dev/pump/temp', ['7'])
    const again = await feedFrom(urlOf(broker), { version })
    await again.until(({ acknowledged }) => acknowledged === 1, 'the late one is taken')
    await again.stop()
    assert.deepEqual(await valuesOf(again), [7])
    assert.match(again.lines.join(), /"sessionPresent":true/)
  })
}

test('nothing is acknowledged before it is on disk, and many are under way at once', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker), {}, { gate: { maxBytes: 1e9 } })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  feed.thread.isAutomatic = false
  await publish(broker, 'dev/pump/temp', numbers(0, 1500))
  const { acknowledged } = await feed.until(({ accepted }) => accepted === 1500, 'all are taken')
  assert.equal(acknowledged, 0)
  assert.equal(feed.source.status().unacknowledged, 1500)
  // It waits for its commits for a while, and goes without them.
  await feed.stop()
  assert.equal(feed.source.status().acknowledged, 0)

  const again = await feedFrom(urlOf(broker))
  const { redelivered } = await again.until(({ acknowledged }) => acknowledged === 1500, 'they come again')
  assert.ok(redelivered > 0)
  await again.stop()
  assert.deepEqual(await valuesOf(again), numbers(0, 1500).map(Number))
})

test('a stop lets the acknowledgements under way go out', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker))
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  feed.thread.isAutomatic = false
  await publish(broker, 'dev/pump/temp', numbers(0, 50))
  await feed.until(({ accepted }) => accepted === 50, 'all are taken')
  const stopped = feed.stop()
  feed.thread.isAutomatic = true
  feed.thread.handle()
  await stopped
  assert.equal(feed.source.status().acknowledged, 50)
  await publish(broker, 'dev/pump/temp', ['99'])
  const again = await feedFrom(urlOf(broker))
  await again.until(({ acknowledged }) => acknowledged > 0, 'the next one is taken')
  await again.stop()
  assert.deepEqual(await valuesOf(again), [99])
})

test('the broker waits while more bytes than allowed are not acknowledged', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const maxUnacknowledgedBytes = 100_000
  const feed = await feedFrom(urlOf(broker), { maxUnacknowledgedBytes, receiveMaximum: 65_535 })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  feed.thread.isAutomatic = false
  const pad = 'x'.repeat(1000)
  const payloads = numbers(0, 3000).map(
    (i) => `{"v":${i},"ts":${1_700_000_000_000 + Number(i)},"pad":"${pad}"}`,
  )
  await publish(broker, 'dev/pump/temp', payloads)
  await feed.until(
    ({ unacknowledgedBytes }) => unacknowledgedBytes >= maxUnacknowledgedBytes,
    'the bound is met',
  )
  // All 3 MB are at the broker by now. What was read already may stand above the bound: one read of the socket.
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
  const { unacknowledgedBytes } = feed.source.status()
  assert.ok(unacknowledgedBytes < maxUnacknowledgedBytes + 70_000, String(unacknowledgedBytes))
  feed.thread.isAutomatic = true
  feed.thread.handle()
  await feed.until(({ acknowledged }) => acknowledged === 3000, 'it goes on to the end')
  await feed.stop()
  assert.deepEqual(await valuesOf(feed), numbers(0, 3000).map(Number))
})

test('a commit that fails gives the connection up, and its messages come again', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker))
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await publish(broker, 'dev/pump/temp', ['1'])
  await feed.until(({ acknowledged }) => acknowledged === 1, 'the first is taken')
  await feed.log.close()
  await publish(broker, 'dev/pump/temp', ['2'])
  await assert.rejects(feed.ended, { name: 'SourceFailure', kind: 'retry' })
  assert.equal(feed.source.status().acknowledged, 1)
  const again = await feedFrom(urlOf(broker))
  await again.until(({ acknowledged }) => acknowledged === 1, 'it comes again')
  await again.stop()
  assert.deepEqual(await valuesOf(again), [2])
})

test('what cannot be read, and what no template fits, is acknowledged after its letter', {
  skip,
}, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker))
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await publish(broker, 'dev/pump/temp', ['1', '{"v":', '2'])
  await publish(broker, 'dev/odd', ['3'])
  const publisher = await publisherAt(urlOf(broker))
  const properties = { contentType: 'image/png' }
  await publisher.publishAsync('dev/pump/temp', '4', { qos: 1, properties })
  await publisher.endAsync()
  const { deadLettered } = await feed.until(({ acknowledged }) => acknowledged === 5, 'all are acknowledged')
  await feed.stop()
  assert.equal(deadLettered, 3)
  assert.deepEqual(await valuesOf(feed), [1, 2])
  const letters = await lettersOf(feed)
  assert.deepEqual(
    letters.map(({ code, topic }) => `${code} ${topic}`),
    ['undecodable dev/pump/temp', 'not-ingest dev/odd', 'undecodable dev/pump/temp'],
  )
})

test('unmatched: ignore acknowledges and counts, and keeps nothing', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker), { unmatched: 'ignore' })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await publish(broker, 'dev/odd', ['3'])
  await publish(broker, 'dev/pump/temp', ['1'])
  const { ignored, accepted } = await feed.until(
    ({ acknowledged }) => acknowledged === 2,
    'both are done with',
  )
  await feed.stop()
  assert.deepEqual([ignored, accepted], [1, 1])
  assert.deepEqual(await lettersOf(feed), [])
  assert.equal(feed.intake.books.messagesReceived, 1)
})

test('full dead letters hold up what needs one, and nothing else', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker), {}, { gate: { deadLetters: { maxBytes: 10 } } })
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  await publish(broker, 'dev/pump/temp', ['1', '{"v":', '2'])
  await feed.until(
    ({ acknowledged, refused }) => acknowledged === 2 && refused === 1,
    'the good ones are taken',
  )
  await feed.stop()
  assert.deepEqual(await valuesOf(feed), [1, 2])
  const roomier = await feedFrom(urlOf(broker))
  await roomier.until(({ acknowledged }) => acknowledged === 1, 'the other one has found its place')
  await roomier.stop()
  assert.equal((await lettersOf(roomier)).length, 1)
})
