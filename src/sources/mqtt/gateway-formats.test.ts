import assert from 'node:assert/strict'
import test from 'node:test'
import { Reading, ReadingBatch } from '../../../proto/generated/sluice/v1/reading.ts'
import { MqttDoor } from '../../../test/support/mqtt-door.ts'
import { RawMqttClient } from '../../../test/support/raw-mqtt-client.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { createFormats } from '../../formats/table.ts'
import { createRouter } from '../../formats/topics.ts'

const readingOf = (number: number, unit = ''): Reading => ({
  ...{ device: '', metric: '', time: undefined, quality: undefined, unit, values: [] },
  value: { $case: 'number', number },
})
const reading = (number: number) => Buffer.from(Reading.encode(readingOf(number)).finish())

test('a message says by its content type what it is, whatever stands around it among its properties', async () => {
  await using door = await MqttDoor.open()
  using client = await RawMqttClient.connect(door.port, 5)
  const typed = (contentType: string, more = {}) => ({ properties: { ...more, contentType } })
  const around = {
    payloadFormatIndicator: true,
    messageExpiryInterval: 60,
    responseTopic: 'answers',
    correlationData: Buffer.from([3, 0, 1, 0x61]),
    userProperties: { ['x'.repeat(100)]: 'application/json', b: ['c', 'd'] },
  }
  client.write(client.publish('dev/d/m', reading(1), 1, typed('application/x-protobuf')))
  client.write(client.publish('dev/d/m', '2', 2))
  client.write(client.publish('dev/d/m', reading(3), 3, typed('application/protobuf', around)))
  client.write(client.publish('dev/d/m', '4', 4, typed('application/json; charset=utf-8', around)))
  client.write(client.publish('dev/d/m', '5', 5, { properties: around }))
  client.write(client.publish('dev/d/m', '6', 6, typed('image/png')))
  assert.deepEqual(await client.acknowledged(6), [1, 2, 3, 4, 5, 6])
  assert.deepEqual(door.log.values, [1, 2, 3, 4, 5])
  assert.deepEqual(
    door.letters.map(({ code, text, format }) => [code, text, format]),
    [['undecodable', '6', 'image/png']],
  )
})

test('what configuration says of a topic holds for clients of both versions', async () => {
  const { protobuf } = createFormats(defaultRecordLimits)
  const router = createRouter(
    [{ topic: 'plc/{device}/{metric}', format: protobuf }, 'dev/{device}/{metric}'],
    defaultRecordLimits,
  )
  await using door = await MqttDoor.open({ router })
  using old = await RawMqttClient.connect(door.port, 4)
  using client = await RawMqttClient.connect(door.port, 5)
  old.write(old.publish('plc/d/m', reading(1), 1))
  old.write(old.publish('dev/d/m', '2', 2))
  assert.deepEqual(await old.acknowledged(2), [1, 2])
  const properties = { contentType: 'application/json' }
  client.write(client.publish('plc/d/m', reading(3), 1, { properties }))
  client.write(client.publish('plc/d/m', '{"v":4}', 2, { properties }))
  assert.deepEqual(await client.acknowledged(2), [1, 2])
  assert.deepEqual(door.log.values, [1, 2, 3])
  assert.deepEqual(
    door.letters.map(({ code, text, format }) => [code, text, format]),
    [['undecodable', '{"v":4}', 'protobuf']],
  )
})

test('a batch may be larger than a message that is one reading', async () => {
  const { protobuf } = createFormats(defaultRecordLimits)
  const router = createRouter([{ topic: 'plc/{device}/{metric}', format: protobuf }], defaultRecordLimits)
  await using door = await MqttDoor.open({ router })
  using client = await RawMqttClient.connect(door.port)
  const readings = Array.from({ length: 3_000 }, (_, i) => readingOf(i, 'x'.repeat(30)))
  const batch = Buffer.from(ReadingBatch.encode({ readings }).finish())
  assert.ok(batch.length > defaultRecordLimits.payloadBytes)
  client.write(client.publish('plc/d/m', batch, 1))
  client.write(client.publish('plc/d/m', Buffer.concat([reading(1), Buffer.alloc(70_000)]), 2))
  assert.deepEqual(await client.acknowledged(2), [1, 2])
  assert.equal(door.log.values.length, 3_000)
  assert.deepEqual(
    door.letters.map(({ code }) => code),
    ['too-large'],
  )
})
