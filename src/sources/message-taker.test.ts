import assert from 'node:assert/strict'
import test from 'node:test'
import { Reading, ReadingBatch } from '../../proto/generated/sluice/v1/reading.ts'
import { openGate } from '../../test/support/gate.ts'
import { createRoute } from '../core/format.ts'
import type { GroupCommitIntake } from '../intake/intake.ts'
import { defaultRecordLimits } from '../core/limits.ts'
import { createFormats } from '../formats/table.ts'
import { isUnmatched, MessageTaker, newFeedCounters } from './message-taker.ts'

const silent = () => undefined
const logger = { debug: silent, info: silent, warn: silent, error: silent }
const formats = createFormats(defaultRecordLimits)
type Letter = Record<'code' | 'source' | 'topic' | 'reason' | 'bytes' | 'format' | 'offset', string>
const encoder = new TextEncoder()

function takerOf(intake: GroupCommitIntake) {
  const counters = newFeedCounters()
  const taker = new MessageTaker({ name: 'factory', intake, limits: defaultRecordLimits, logger, counters })
  return { counters, taker }
}

const message = (text: string, more: object = {}) => ({
  payload: encoder.encode(text),
  topic: 'dev/pump/temp',
  route: createRoute('dev/pump/temp', 'pump', 'temp'),
  format: formats.json,
  ...more,
})

test('rows of what can be read, letters of what cannot: each message is counted once', async () => {
  const gate = await openGate({ deadLetters: { maxBytes: 1e6 } })
  const { taker, counters } = takerOf(gate.intake)
  assert.equal(taker.begin(), undefined)
  assert.equal(taker.take(message('21.5')), 'accepted')
  assert.equal(taker.take(message('{"token":"s3cret","value"')), 'deadLettered')
  assert.equal(taker.take(message('1', { route: undefined, topic: 'dev/odd' })), 'deadLettered')
  const endless = `dev/${'l'.repeat(defaultRecordLimits.topicBytes)}/temp`
  assert.equal(isUnmatched({ topic: endless, route: undefined }, defaultRecordLimits), false)
  assert.equal(taker.take(message('1', { route: undefined, topic: endless })), 'deadLettered')
  const image = message('1', { format: undefined, contentType: 'image/png', offset: '17' })
  assert.equal(taker.take(image), 'deadLettered')
  assert.equal(taker.take(message('1', { format: formats.protobuf, topic: undefined })), 'deadLettered')
  const long = `"${'x'.repeat(defaultRecordLimits.payloadBytes)}"`
  assert.equal(taker.take(message(long)), 'deadLettered')
  await taker.durable()
  assert.equal((await gate.rows()).length, 1)
  const letters = (await gate.documents('dead-letters')).map(({ body }) => JSON.parse(body) as Letter)
  assert.deepEqual(
    letters.map(({ code, source, topic, format, offset }) => [code, source, topic, format, offset]),
    [
      ['undecodable', 'factory', 'dev/pump/temp', undefined, undefined],
      ['not-ingest', 'factory', 'dev/odd', undefined, undefined],
      ['invalid-name', 'factory', letters[2]?.topic, undefined, undefined],
      ['undecodable', 'factory', 'dev/pump/temp', 'image/png', '17'],
      ['undecodable', 'factory', undefined, 'protobuf', undefined],
      ['too-large', 'factory', 'dev/pump/temp', undefined, undefined],
    ],
  )
  assert.match(letters[2]?.reason ?? '', /the topic has \d+ bytes/)
  assert.match(letters[3]?.reason ?? '', /"image\/png"/)
  assert.doesNotMatch(Buffer.from(letters[0]?.bytes ?? '', 'base64').toString(), /s3cret/)
  assert.deepEqual([counters.accepted, counters.deadLettered, counters.refused], [1, 6, 0])
  assert.equal(gate.intake.books.messagesReceived, 7)
  await gate.intake.close()
})

test('what configuration says of a topic holds, whatever the message says; a batch may be larger than a reading', async () => {
  const gate = await openGate({ deadLetters: { maxBytes: 1e6 } })
  const { taker, counters } = takerOf(gate.intake)
  const route = createRoute('plc/pump', 'pump', 'temp', formats.protobuf)
  const reading = (value: number): Reading => ({
    ...{ device: '', metric: '', time: undefined, unit: 'x'.repeat(50), quality: undefined, values: [] },
    value: { $case: 'number', number: value },
  })
  const readings = Array.from({ length: 2_000 }, (_, i) => reading(i))
  const payload = ReadingBatch.encode({ readings }).finish()
  assert.ok(payload.length > defaultRecordLimits.payloadBytes)
  assert.equal(taker.take({ ...message(''), payload, route }), 'accepted')
  const one = { ...message(''), payload: Reading.encode(reading(1)).finish(), route }
  assert.equal(taker.take({ ...one, format: undefined, contentType: 'image/png' }), 'accepted')
  await taker.durable()
  assert.equal((await gate.rows()).length, 2_001)
  assert.deepEqual([counters.accepted, counters.deadLettered], [2, 0])
  await gate.intake.close()
})

test('of a payload above limits.batchBytes the letter holds the beginning', async () => {
  const gate = await openGate({ deadLetters: { maxBytes: 1e8 } })
  const { taker } = takerOf(gate.intake)
  const { batchBytes } = defaultRecordLimits
  const text = `[${'1,'.repeat(batchBytes / 2)}1]`
  assert.equal(taker.take(message(text)), 'deadLettered')
  await taker.durable()
  assert.deepEqual(await gate.rows(), [])
  const letters = (await gate.documents('dead-letters')).map(({ body }) => JSON.parse(body) as Letter)
  assert.equal(letters.length, 1)
  assert.equal(letters[0]?.code, 'too-large')
  const kept = Buffer.from(letters[0]?.bytes ?? '', 'base64').toString()
  assert.ok(kept === text.slice(0, batchBytes))
  await gate.intake.close()
})

test('full dead letters refuse the message whole, and the next good one is taken', async () => {
  const gate = await openGate({ deadLetters: { maxBytes: 300 } })
  const { taker, counters } = takerOf(gate.intake)
  // The first element is good: it goes with the rest.
  assert.equal(taker.take(message(`[1, ${'{"a":'.repeat(300)}]`)), 'refused')
  // The letter of one element fits, that of the other does not: it comes again and again, and leaves nothing each time.
  for (let i = 0; i < 3; i++)
    assert.equal(taker.take(message(`["x", {"a":"\\u0000${'x'.repeat(300)}"}]`)), 'refused')
  assert.equal(taker.take(message('2')), 'accepted')
  await taker.durable()
  assert.deepEqual(await gate.documents('dead-letters'), [])
  assert.equal(gate.intake.books.letterBytes, 0)
  const rows = await gate.rows()
  assert.deepEqual(
    rows.map(({ value }) => value),
    [2],
  )
  assert.deepEqual([counters.accepted, counters.refused], [1, 4])
  await gate.intake.close()
})

test('a commit that fails turns what it held into refused', async () => {
  const gate = await openGate()
  const { taker, counters } = takerOf(gate.intake)
  taker.take(message('1'))
  taker.take(message('nothing that can be read'))
  await gate.log.close()
  await assert.rejects(taker.durable())
  assert.deepEqual([counters.accepted, counters.deadLettered, counters.refused], [0, 0, 2])
  taker.take(message('2'))
  await assert.rejects(taker.durable())
  assert.deepEqual([counters.accepted, counters.refused], [0, 3])
})
