import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { type AmqpFeed, addressOf, atLink, feedFrom, publishAll } from '../../../test/support/amqp-feed.ts'
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

type QueueType = 'classic' | 'quorum' | 'stream'

interface QueueOptions {
  readonly url: string
  readonly queue: string
  readonly declare: false
}

const exchange = 'iot'
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** Records of one sensor, a second apart, so that each has an identity of its own. */
function measurement(serial: string, value: number) {
  const Timestamp = new Date(Date.UTC(2020, 0, 1) + value * 1000).toISOString()
  const body = Buffer.from(JSON.stringify([{ SerialNumber: serial, Timestamp, Value: value }]))
  return { exchange, routingKey: `sensor.${serial}.measurements`, body, contentType: 'application/json' }
}

/** A queue of the type, bound to what the sensor sends; the source makes none of it. */
async function queueFor(serial: string, type: QueueType): Promise<QueueOptions> {
  const queue = `test.${type}.${serial}`
  const address = addressOf(server)
  await atLink(address, async (link) => {
    const channel = await link.channel()
    await channel.exchangeDeclare({ exchange, type: 'topic', durable: true })
    await channel.queueDeclare({ queue, durable: true, arguments: { 'x-queue-type': type } })
    await channel.queueBind({ queue, exchange, routingKey: `sensor.${serial}.#` })
    await channel.close()
  })
  return { url: address.url, queue, declare: false }
}

async function valuesOf(feed: Pick<AmqpFeed, 'rows'>): Promise<unknown[]> {
  return (await feed.rows()).map(({ value }) => value)
}

const hasAcknowledged = (count: number) => (status: FeedStatus) =>
  status.acknowledged === count && status.unacknowledged === 0

for (const type of ['classic', 'quorum', 'stream'] as const) {
  test(`messages of a ${type} queue become rows in their order, and do not come again`, {
    skip,
  }, async () => {
    const options = await queueFor(`order-${type}`, type)
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
