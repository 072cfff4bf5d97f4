import assert from 'node:assert/strict'
import test from 'node:test'
import { Reading, ReadingBatch, type Value } from '../../../proto/generated/sluice/v1/reading.ts'
import { type Decoded, decodeInto, topic } from '../../../test/support/decode.ts'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { byNumber } from '../../core/batch.ts'
import type { Route } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { createReadingFormat } from './reading-format.ts'

const format = createReadingFormat(defaultRecordLimits)
const now = Date.UTC(2026, 0, 15) * 1000

const number = (number: number): Value['value'] => ({ $case: 'number', number })
const integer = (integer: bigint): Value['value'] => ({ $case: 'integer', integer })
const text = (text: string): Value['value'] => ({ $case: 'text', text })

function reading(fields: Partial<Reading>): Reading {
  const none = { time: undefined, value: undefined, quality: undefined, unit: '', values: [] }
  return { device: 'pump1', metric: 'temp', ...none, ...fields }
}

const value = (fields: Partial<Value>): Value => ({
  metric: '',
  value: undefined,
  quality: undefined,
  unit: '',
  ...fields,
})

const bytesOf = (fields: Partial<Reading>): Uint8Array => Reading.encode(reading(fields)).finish()
const batchOf = (...readings: Partial<Reading>[]): Uint8Array =>
  ReadingBatch.encode({ readings: readings.map(reading) }).finish()

/** Decodes twice over one route: the second time the series are found in its cache, and the rows must be the same. */
function decode(
  payload: Uint8Array,
  route: Route = topic(undefined, undefined),
  intake = new RecordingIntake(),
): Decoded {
  const first = decodeInto(format, payload, route, intake)
  const second = decodeInto(format, payload, route, intake)
  assert.deepEqual(second.rows, first.rows)
  assert.deepEqual(second.refusals, first.refusals)
  return first
}

const rowsOf = (payload: Uint8Array, route?: Route, intake?: RecordingIntake): unknown[][] => {
  const { rows, refusals } = decode(payload, route, intake)
  assert.deepEqual(refusals, [])
  return rows.map((row) => [row.device, row.metric, row.value, row.time, row.quality])
}

const refusalOf = (payload: Uint8Array, route?: Route): string => {
  const { rows, refusals } = decode(payload, route)
  assert.equal(rows.length, 0)
  assert.equal(refusals.length, 1)
  return `${refusals[0]?.code} ${refusals[0]?.field ?? '-'}: ${refusals[0]?.reason}`
}

test('each kind of value becomes a row with its time, quality and unit', () => {
  const us = { $case: 'timeUs', timeUs: 1_705_314_600_123_456n } as const
  const ms = { $case: 'timeMs', timeMs: 1_705_314_600_123n } as const
  const intake = new RecordingIntake()
  const rows = rowsOf(
    batchOf(
      { time: us, value: number(25.5), quality: 64, unit: '°C' },
      { time: ms, value: text('läuft'), metric: 'state', quality: 0 },
      { time: us, value: { $case: 'boolean', boolean: true }, metric: 'on' },
      { time: us, value: { $case: 'boolean', boolean: false }, metric: 'off' },
      { time: us, value: integer(-(2n ** 53n)), metric: 'count', quality: 255 },
      { time: { $case: 'timeUs', timeUs: -1n }, value: number(0), metric: 'early' },
      { time: { $case: 'timeMs', timeMs: 0n }, value: number(1), metric: 'zero' },
    ),
    undefined,
    intake,
  )
  assert.deepEqual(rows, [
    ['pump1', 'temp', 25.5, 1_705_314_600_123_456, 64],
    ['pump1', 'state', 'läuft', 1_705_314_600_123_000, 0],
    ['pump1', 'on', 1, 1_705_314_600_123_456, 192],
    ['pump1', 'off', 0, 1_705_314_600_123_456, 192],
    ['pump1', 'count', -(2 ** 53), 1_705_314_600_123_456, 255],
    ['pump1', 'early', 0, -1, 192],
    ['pump1', 'zero', 1, 0, 192],
  ])
  assert.deepEqual(
    intake.names.map(({ unit }) => unit),
    ['°C', '', '', '', '', '', ''],
  )
})

test('a reading without a time has that of its receipt, and its number tells it apart', () => {
  const { rows } = decode(bytesOf({ value: number(1) }))
  assert.deepEqual([rows[0]?.time, rows[0]?.flags], [now, byNumber])
})

test('several values of one time are rows of that time, each under its own name', () => {
  const values = [
    value({ metric: 'rpm', value: integer(1200n), quality: 64 }),
    value({ metric: 'state', value: text('on'), unit: 'word' }),
  ]
  const time = { $case: 'timeUs', timeUs: 7n } as const
  assert.deepEqual(rowsOf(bytesOf({ time, value: number(20), values })), [
    ['pump1', 'temp', 20, 7, 192],
    ['pump1', 'rpm', 1200, 7, 64],
    ['pump1', 'state', 'on', 7, 192],
  ])
  assert.deepEqual(rowsOf(bytesOf({ device: '', metric: '', time, values }), topic('line', 'temp')), [
    ['line', 'rpm', 1200, 7, 64],
    ['line', 'state', 'on', 7, 192],
  ])
})

test('the names of the payload win over those of the topic', () => {
  const route = topic('line', 'speed')
  const time = { $case: 'timeUs', timeUs: 1n } as const
  const rows = rowsOf(
    batchOf(
      { device: '', metric: '', time, value: number(1) },
      { device: 'a', metric: '', time, value: number(2) },
      { device: '', metric: 'b', time, value: number(3) },
      { device: 'a', metric: 'b', time, value: number(4) },
      { device: '', metric: '', time, value: text('t') },
    ),
    route,
  )
  assert.deepEqual(
    rows.map((row) => row.slice(0, 3)),
    [
      ['line', 'speed', 1],
      ['a', 'speed', 2],
      ['line', 'b', 3],
      ['a', 'b', 4],
      ['line', 'speed', 't'],
    ],
  )
})

test('names that read the same one behind the other are different names', () => {
  const rows = rowsOf(
    batchOf({ device: 'ab', metric: 'c', value: number(1) }, { device: 'a', metric: 'bc', value: number(2) }),
  )
  assert.deepEqual(
    rows.map((row) => row.slice(0, 3)),
    [
      ['ab', 'c', 1],
      ['a', 'bc', 2],
    ],
  )
})

test('a unit that becomes known later is given to the series, once', () => {
  const intake = new RecordingIntake()
  const route = topic(undefined, undefined)
  decodeInto(format, bytesOf({ value: number(1) }), route, intake)
  decodeInto(format, bytesOf({ value: number(1), unit: 'bar' }), route, intake)
  assert.equal(intake.names[0]?.unit, 'bar')
  const { seriesCalls } = intake
  decodeInto(format, bytesOf({ value: number(1), unit: 'bar' }), route, intake)
  decodeInto(format, bytesOf({ value: number(1) }), route, intake)
  assert.equal(intake.seriesCalls, seriesCalls)
})

test('an integer keeps its digits where its series is declared as text', () => {
  const intake = new RecordingIntake({ declared: { 'pump1 temp': 'text' } })
  assert.deepEqual(rowsOf(bytesOf({ value: integer(2n ** 63n - 1n) }), undefined, intake), [
    ['pump1', 'temp', '9223372036854775807', now, 192],
  ])
  assert.equal(
    decodeInto(format, bytesOf({ value: number(1) }), undefined, intake).refusals[0]?.code,
    'wrong-kind',
  )
})

test('of a field given twice the last holds, whatever the order of the fields', () => {
  const payload = Buffer.concat([
    bytesOf({ device: '', metric: '', value: text('x'), unit: 'a' }),
    bytesOf({
      device: 'pump1',
      metric: 'temp',
      time: { $case: 'timeMs', timeMs: 1n },
      value: number(5),
      quality: 0,
    }),
    bytesOf({ device: 'pump2', metric: '', time: { $case: 'timeUs', timeUs: 2n } }),
  ])
  assert.deepEqual(rowsOf(payload), [['pump2', 'temp', 5, 2, 0]])
})

test('fields of a later version are passed over', () => {
  const known = bytesOf({ value: number(1) })
  const unknown = Buffer.from([
    0xa0, 0x06, 0x01, 0xa2, 0x06, 0x01, 0x61, 0xa9, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, 0xb5, 0x06, 1, 2, 3, 4,
  ])
  assert.equal(rowsOf(Buffer.concat([known, unknown])).length, 1)
  assert.equal(rowsOf(Buffer.concat([unknown, known])).length, 1)
})

const hour = 3_600_000_000n
const refusals: readonly [what: string, payload: Uint8Array, refusal: RegExp][] = [
  ['nothing', Buffer.alloc(0), /^undecodable -: nothing stands here/],
  ['JSON', Buffer.from('{"v":1}'), /^undecodable -: field 15 has wire type 3/],
  ['field 0', Buffer.from([0x00, 0x01]), /^undecodable -: there is no field 0/],
  [
    'a message cut off',
    bytesOf({ value: number(1) }).subarray(0, -1),
    /^undecodable -: the message is cut off/,
  ],
  ['a varint without end', Buffer.alloc(20, 0xff), /^undecodable -: a varint has more than ten bytes/],
  [
    'a varint of eleven bytes',
    Buffer.concat([bytesOf({}), Buffer.from([0x48]), Buffer.alloc(10, 0x80), Buffer.from([0])]),
    /^undecodable -: a varint has more than ten bytes/,
  ],
  [
    'a batch behind a reading',
    Buffer.concat([bytesOf({ value: number(1) }), batchOf({ value: number(2) })]),
    /^undecodable -: a reading has no field 1/,
  ],
  [
    'another message',
    Buffer.from([0x12, 1, 0x61, 0x20, 5, 0x28, 1, 0x30, 1]),
    /^undecodable number: .* wire type 0/,
  ],
  ['no value', bytesOf({}), /^missing-field value: /],
  ['no device', bytesOf({ device: '', value: number(1) }), /^missing-field device: /],
  ['no metric', bytesOf({ metric: '', value: number(1) }), /^missing-field metric: /],
  ['NaN', bytesOf({ value: number(Number.NaN) }), /^invalid-value number: .*finite/],
  ['Infinity', bytesOf({ value: number(-Infinity) }), /^invalid-value number: .*finite/],
  ['2^53 + 1', bytesOf({ value: integer(2n ** 53n + 1n) }), /^invalid-value integer: .*2\^53/],
  ['2^53 + 2', bytesOf({ value: integer(2n ** 53n + 2n) }), /^invalid-value integer: .*2\^53/],
  ['the least integer', bytesOf({ value: integer(-(2n ** 63n)) }), /^invalid-value integer: .*2\^53/],
  ['a quality of 256', bytesOf({ value: number(1), quality: 256 }), /^invalid-value quality: /],
  ['a text of 4,097 bytes', bytesOf({ value: text('x'.repeat(4097)) }), /^invalid-value text: .*4097/],
  ['U+0000 in a text', bytesOf({ value: text('a\0') }), /^invalid-value text: .*U\+0000/],
  ['U+0000 in a name', bytesOf({ device: 'a\0b', value: number(1) }), /^invalid-name device: .*U\+0000/],
  ['a long name', bytesOf({ metric: 'm'.repeat(1025), value: number(1) }), /^invalid-name metric: .*1025/],
  ['a name that is no UTF-8', Buffer.from([0x12, 1, 0xff, 0x48, 1]), /^invalid-name device: .*UTF-8/],
  [
    'a text that is no UTF-8',
    Buffer.concat([bytesOf({}), Buffer.from([0x3a, 1, 0xff])]),
    /^invalid-value text: .*UTF-8/,
  ],
  [
    'a time ahead',
    bytesOf({ value: number(1), time: { $case: 'timeUs', timeUs: BigInt(now) + hour + 1n } }),
    /^invalid-time time_us: .*ahead/,
  ],
  [
    'a time beyond what is kept',
    bytesOf({ value: number(1), time: { $case: 'timeMs', timeMs: -(2n ** 62n) } }),
    /^invalid-time time_ms: .*beyond/,
  ],
  [
    'a value without a name among good ones',
    bytesOf({
      value: number(1),
      values: [value({ metric: 'a', value: number(1) }), value({ value: number(1) })],
    }),
    /^missing-field values\[1\].metric: /,
  ],
  [
    'a name without a value',
    bytesOf({ values: [value({ metric: 'a' })] }),
    /^missing-field values\[0\].value: /,
  ],
  [
    'NaN among values',
    bytesOf({ values: [value({ metric: 'a', value: number(Number.NaN) })] }),
    /^invalid-value values\[0\].number: /,
  ],
]

for (const [what, payload, expected] of refusals)
  test(`refused with its reason, and nothing of it is left: ${what}`, () => {
    assert.match(refusalOf(payload), expected)
  })

test('a time an hour ahead is the last that is taken', () => {
  const time = { $case: 'timeUs', timeUs: BigInt(now) + hour } as const
  assert.equal(rowsOf(bytesOf({ value: number(1), time })).length, 1)
})

test('a bad reading of a batch harms none of its neighbours, and is found by its place and bytes', () => {
  const bad = bytesOf({ value: number(Number.NaN), metric: 'second' })
  const payload = batchOf(
    { value: number(1) },
    { value: number(Number.NaN), metric: 'second' },
    { value: number(3) },
  )
  const { rows, refusals } = decode(payload)
  assert.deepEqual(
    rows.map((row) => row.value),
    [1, 3],
  )
  const [refusal] = refusals
  assert.deepEqual([refusals.length, refusal?.index], [1, 1])
  assert.deepEqual(Buffer.from(payload.subarray(refusal?.from, refusal?.to)), Buffer.from(bad))
})

test('a batch that breaks off loses no more than what is behind the break', () => {
  const payload = batchOf({ value: number(1) }, { value: number(2) })
  const whole = batchOf({ value: number(1) }).length
  const { rows, refusals } = decode(payload.subarray(0, -3))
  assert.equal(rows.length, 1)
  assert.deepEqual(
    refusals.map(({ code, index, from, to }) => [code, index, from, to]),
    [['undecodable', 1, whole, payload.length - 3]],
  )
})

test('a batch above its limit is refused, and so is a reading above its own', () => {
  const small = createReadingFormat({ ...defaultRecordLimits, payloadBytes: 100, batchBytes: 300 })
  const long = { value: text('x'.repeat(100)) }
  const mixed = decodeInto(small, batchOf(long, { value: number(1) }))
  assert.deepEqual([mixed.rows.length, mixed.refusals.map(({ code }) => code)], [1, ['too-large']])
  const huge = decodeInto(small, batchOf(long, long, long))
  assert.deepEqual([huge.rows.length, huge.refusals.map(({ code }) => code)], [0, ['too-large']])
  assert.equal(decodeInto(small, bytesOf(long)).refusals[0]?.code, 'too-large')
})

test('whoever sends empty readings without end is refused as a whole after ten thousand', () => {
  const payload = Buffer.alloc(60_000)
  for (let i = 0; i < payload.length; i += 2) payload[i] = 0x0a
  const { refusals } = decodeInto(format, payload)
  assert.equal(refusals.length, 10_002)
  assert.deepEqual([refusals.at(-1)?.from, refusals.at(-1)?.to], [20_002, 60_000])
})

test('a limit of series refuses the reading that is one too many', () => {
  const intake = new RecordingIntake({ series: 1 })
  const { rows, refusals } = decodeInto(
    format,
    batchOf({ value: number(1) }, { metric: 'b', value: number(1) }, { value: number(2) }),
    topic(undefined, undefined),
    intake,
  )
  assert.deepEqual([rows.length, refusals.map(({ code }) => code)], [2, ['series-limit']])
})
