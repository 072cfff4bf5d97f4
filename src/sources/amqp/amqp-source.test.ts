import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import {
  addressOf,
  atLink,
  feedFrom,
  lettersOf,
  measurement,
  publishAll,
  queueFor,
  valuesOf,
} from '../../../test/support/amqp-feed.ts'
import { openGate } from '../../../test/support/gate.ts'
import { needsToStart } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'
import type { FeedStatus } from '../../core/source.ts'
import { waitingIn } from './topology.ts'

const skip = needsToStart('rabbitmq')
let server: OwnServer

before(async () => {
  if (skip === false) server = await OwnServer.start('rabbitmq')
})
after(async () => {
  if (skip === false) await server[Symbol.asyncDispose]()
})

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

const hasAcknowledged = (count: number) => (status: FeedStatus) =>
  status.acknowledged === count && status.unacknowledged === 0

for (const type of ['classic', 'quorum', 'stream'] as const) {
  test(`messages of a ${type} queue become rows in their order, and do not come again`, {
    skip,
  }, async () => {
    const options = await queueFor(server, `order-${type}`, type)
    const send = (values: number[]) =>
      publishAll(
        addressOf(server),
        values.map((value) => measurement(`order-${type}`, value)),
      )
    await send(numbers(0, 300))
    const feed = await feedFrom(options)
    await feed.until(hasAcknowledged(300), 'those that waited are acknowledged')
    await send(numbers(300, 3000))
    await feed.until(hasAcknowledged(3000), 'all are acknowledged')
    await feed.stop()
    assert.deepEqual(await valuesOf(feed), numbers(0, 3000))

    await send([3000])
    const { source: _, ...left } = feed
    const again = await feedFrom(options, left)
    await again.until(({ accepted }) => accepted === 1, 'the late one is taken')
    await again.stop()
    assert.deepEqual(await valuesOf(again), numbers(0, 3001))
    if (type !== 'stream')
      assert.equal(await atLink(addressOf(server), (link) => waitingIn(link, options.queue)), 0)
  })
}

test('nothing is acknowledged before it is on disk, and no more is sent than the prefetch', {
  skip,
}, async () => {
  const options = await queueFor(server, 'held', 'quorum')
  await publishAll(
    addressOf(server),
    numbers(0, 100).map((value) => measurement('held', value)),
  )
  const gate = await openGate()
  gate.thread.isAutomatic = false
  const feed = await feedFrom({ ...options, prefetch: 40 }, gate)
  await feed.until(
    ({ unacknowledged, accepted }) => unacknowledged === 40 && accepted > 0,
    'the prefetch is there',
  )
  await feed.stop()
  assert.equal(feed.source.status().acknowledged, 0)

  const again = await feedFrom(options)
  const { redelivered } = await again.until(hasAcknowledged(100), 'all come again')
  await again.stop()
  assert.ok(redelivered > 0)
  assert.deepEqual(await valuesOf(again), numbers(0, 100))
})

for (const type of ['quorum', 'stream'] as const) {
  test(`no more bytes of a ${type} queue are read than allowed`, { skip }, async () => {
    const options = await queueFor(server, `bytes-${type}`, type)
    const maxUnacknowledgedBytes = 100_000
    const feed = await feedFrom({ ...options, maxUnacknowledgedBytes, prefetch: 10_000 })
    await feed.until(({ isConnected }) => isConnected, 'it is connected')
    feed.thread.isAutomatic = false
    const pad = 'x'.repeat(1000)
    await publishAll(
      addressOf(server),
      numbers(0, 3000).map((value) => measurement(`bytes-${type}`, value, { pad })),
    )
    await feed.until(
      ({ unacknowledgedBytes }) => unacknowledgedBytes >= maxUnacknowledgedBytes,
      'the bound is met',
    )
    // All 3 MB wait at the server by now.
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    const { unacknowledgedBytes } = feed.source.status()
    assert.ok(unacknowledgedBytes < maxUnacknowledgedBytes + 2_000, String(unacknowledgedBytes))
    feed.thread.isAutomatic = true
    feed.thread.handle()
    await feed.until(hasAcknowledged(3000), 'it goes on to the end')
    await feed.stop()
    assert.deepEqual(await valuesOf(feed), numbers(0, 3000))
  })

  test(`a commit that fails gives the connection up, and messages of a ${type} queue come again`, {
    skip,
  }, async () => {
    const options = await queueFor(server, `fails-${type}`, type)
    const send = (value: number) => publishAll(addressOf(server), [measurement(`fails-${type}`, value)])
    const feed = await feedFrom(options)
    await send(1)
    await feed.until(hasAcknowledged(1), 'the first is taken')
    await feed.log.close()
    await send(2)
    await assert.rejects(feed.ended, { name: 'SourceFailure', kind: 'retry' })
    assert.equal(feed.source.status().acknowledged, 1)
    const again = await feedFrom(options)
    const expected = type === 'stream' ? [1, 2] : [2] // another log knows of no offset
    await again.until(hasAcknowledged(expected.length), 'it comes again')
    await again.stop()
    assert.deepEqual(await valuesOf(again), expected)
  })
}

test('what cannot be read is acknowledged after its letter, byte for byte, and harms nobody else', {
  skip,
}, async () => {
  const options = await queueFor(server, 'poison', 'quorum')
  const good = measurement('poison', 1)
  const bodies = ['{"v":', '{"v": 1.0 , "v":2}', '"text"', '{"__proto__":{"a":1}}', '']
  const asJson = bodies.map((text) => ({ ...good, body: Buffer.from(text) }))
  const asText = { ...good, body: Buffer.from([0xff, 0xfe, 0x22]), contentType: 'text/plain' }
  const image = { ...good, contentType: 'image/png' }
  const odd = { ...good, routingKey: 'sensor.poison.weather' }
  await publishAll(addressOf(server), [
    measurement('poison', 0),
    ...asJson,
    asText,
    image,
    odd,
    measurement('poison', 2),
  ])
  const feed = await feedFrom(options)
  const { deadLettered } = await feed.until(hasAcknowledged(10), 'all are acknowledged')
  await feed.stop()
  const values = await valuesOf(feed)
  assert.equal(values.at(0), 0)
  assert.equal(values.at(-1), 2)
  const letters = await lettersOf(feed)
  assert.equal(letters.length, deadLettered)
  const kept = letters.map(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1'))
  for (const text of ['{"v":', asText.body.toString('latin1'), Buffer.from(image.body).toString('latin1')])
    assert.ok(kept.includes(text), text)
  const told = letters.map(({ code, topic, reason }) => `${code} ${topic} ${reason}`).join('\n')
  assert.match(told, /undecodable sensor\.poison\.measurements .*"image\/png"/)
  assert.match(told, /not-ingest sensor\.poison\.weather/)
})

test('a message larger than the bound is taken alone', { skip }, async () => {
  const options = await queueFor(server, 'large', 'quorum')
  const blank = Buffer.alloc(300_000, ' ')
  await publishAll(
    addressOf(server),
    numbers(0, 10).map((value) => {
      const small = measurement('large', value)
      return { ...small, body: Buffer.concat([blank, small.body]) }
    }),
  )
  const feed = await feedFrom({ ...options, maxUnacknowledgedBytes: 1000 })
  await feed.until(hasAcknowledged(10), 'all are taken')
  await feed.stop()
  assert.deepEqual(await valuesOf(feed), numbers(0, 10))
})

test('a body is read as it came: no digit is lost to the client', { skip }, async () => {
  const options = await queueFor(server, 'digits', 'classic')
  const body = Buffer.from('{"v":9007199254740993,"ts":1577836800000}')
  await publishAll(addressOf(server), [
    { exchange: 'iot', routingKey: 'sensor.digits.measurements', body, contentType: 'application/json' },
  ])
  const feed = await feedFrom(options)
  await feed.until(hasAcknowledged(1), 'it is acknowledged')
  await feed.stop()
  const [letter] = await lettersOf(feed)
  assert.equal(Buffer.from(letter?.bytes ?? '', 'base64').toString(), body.toString())
})

test('full dead letters hold what cannot be read, and it is taken once there is room', { skip }, async () => {
  const options = await queueFor(server, 'full', 'quorum')
  const bad = { ...measurement('full', 1), body: Buffer.from('{"v":') }
  await publishAll(addressOf(server), [measurement('full', 0), bad, measurement('full', 2)])
  const feed = await feedFrom(options, undefined, { deadLetters: { maxBytes: 10 } })
  await feed.until(({ refused, unacknowledged }) => refused > 0 && unacknowledged === 2, 'it is held')
  await feed.stop()
  assert.match(feed.lines.join(), /dead letters are full/)
  assert.deepEqual(await valuesOf(feed), [0])
  const again = await feedFrom(options)
  await again.until(hasAcknowledged(2), 'both are taken')
  await again.stop()
  assert.equal((await lettersOf(again)).length, 1)
  assert.deepEqual(await valuesOf(again), [2])
})

test('a source that is held by full dead letters closes its connection in order, and leaves no timer', {
  skip,
}, async () => {
  const options = await queueFor(server, 'held-full', 'quorum')
  const bad = { ...measurement('held-full', 0), body: Buffer.from('{"v":') }
  const pad = 'x'.repeat(200_000)
  await publishAll(addressOf(server), [
    bad,
    ...numbers(1, 30).map((value) => measurement('held-full', value, { pad })),
  ])
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const full = { deadLetters: { maxBytes: 10 } }
  const feed = await feedFrom({ ...options, maxUnacknowledgedBytes: 500_000 }, undefined, full)
  await feed.until(
    ({ refused, unacknowledgedBytes }) => refused > 0 && unacknowledgedBytes >= 500_000,
    'it is held and reads no more',
  )
  await feed.stop()
  const noMore = AbortSignal.timeout(20_000)
  while (timers() > before) {
    assert.ok(!noMore.aborted, 'a timer is left')
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(await atLink(addressOf(server), (link) => waitingIn(link, options.queue)), 30)
})

test('topics with slashes are known by the routing keys that MQTT of RabbitMQ makes of them', {
  skip,
}, async () => {
  const options = await queueFor(server, 'slashes', 'quorum', 'uns.slashes.#')
  const body = Buffer.from('{"v":7,"ts":1577836800000}')
  await publishAll(addressOf(server), [{ exchange: 'iot', routingKey: 'uns.slashes.pump1.temp', body }])
  const feed = await feedFrom(options)
  await feed.until(hasAcknowledged(1), 'it is taken')
  await feed.stop()
  assert.deepEqual(await feed.rows().then((rows) => rows.map(({ device, value }) => [device, value])), [
    ['slashes/pump1', 7],
  ])
})

test('the messages that wait are told as its lag', { skip }, async () => {
  const options = await queueFor(server, 'lag', 'classic')
  const feed = await feedFrom({ ...options, prefetch: 1 })
  await feed.until(({ lag }) => lag === 0, 'nothing waits')
  feed.thread.isAutomatic = false
  await publishAll(
    addressOf(server),
    numbers(0, 5).map((value) => measurement('lag', value)),
  )
  await feed.until(({ lag }) => lag === 4, 'four wait')
  feed.thread.isAutomatic = true
  feed.thread.handle()
  await feed.until(hasAcknowledged(5), 'all are taken')
  await feed.stop()
})
