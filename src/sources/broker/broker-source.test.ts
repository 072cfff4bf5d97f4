import assert from 'node:assert/strict'
import test from 'node:test'
import { feedFrom, publishAll, publisherAt } from '../../../test/support/broker-feed.ts'
import { needsToStart } from '../../../test/support/needs.ts'
import { OwnServer } from '../../../test/support/own-server.ts'

const skip = needsToStart('mosquitto')
const urlOf = (broker: OwnServer) => broker.variable('SLUICE_TEST_MOSQUITTO_URL')
const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => String(from + i))

test('messages of a broker become rows, and are acknowledged', { skip }, async () => {
  await using broker = await OwnServer.start('mosquitto')
  const feed = await feedFrom(urlOf(broker))
  await feed.until(({ isConnected }) => isConnected, 'it is connected')
  const publisher = await publisherAt(urlOf(broker))
  await publishAll(publisher, 'dev/pump/temp', numbers(0, 500))
  await publishAll(publisher, 'uns/plant/pump/temp', ['1'])
  await publisher.publishAsync('dev/pump/temp', '500', { qos: 0 })
  await feed.until(
    ({ accepted, unacknowledged }) => accepted === 502 && unacknowledged === 0,
    'all are taken',
  )
  await feed.stop()
  const rows = await feed.rows()
  const values = rows.filter(({ device }) => device === 'pump').map(({ value }) => value)
  assert.deepEqual(values, numbers(0, 501).map(Number), 'in their order')
  assert.equal(feed.source.status().acknowledged, 501)
  await publisher.endAsync()

  // What was acknowledged does not come again; what was published meanwhile does come.
  const again = await feedFrom(urlOf(broker))
  const late = await publisherAt(urlOf(broker))
  await publishAll(late, 'dev/pump/temp', ['7'])
  await again.until(({ acknowledged }) => acknowledged === 1, 'the late one is taken')
  assert.equal((await again.rows()).length, 1)
  await again.stop()
  await late.endAsync()
})
