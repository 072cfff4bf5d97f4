import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { SensorReading } from '../../../proto/generated/sensor/sensor.ts'
import { Reading, ReadingBatch } from '../../../proto/generated/sluice/v1/reading.ts'
import { protoFolder } from '../../../scripts/proto/descriptors.ts'
import { decodeInto, topic } from '../../../test/support/decode.ts'
import { type RecordedRow, RecordingIntake } from '../../../test/support/recording-intake.ts'
import { byNumber } from '../../core/batch.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { createReadingFormat } from './reading-format.ts'
import { createSensorReadingFormat } from './sensor-reading-format.ts'

const format = createReadingFormat(defaultRecordLimits)
const sensorFormat = createSensorReadingFormat(defaultRecordLimits)
const { now } = new RecordingIntake()

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !text.includes('\0'))
const unit = fc.oneof(fc.constant(''), name)
const exact = 2n ** 53n
const valueOf = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => ({ $case: 'number', number }) as const),
  fc
    .string({ unit: 'grapheme' })
    .filter((text) => !text.includes('\0'))
    .map((text) => ({ $case: 'text', text }) as const),
  fc.boolean().map((boolean) => ({ $case: 'boolean', boolean }) as const),
  fc.bigInt({ min: -exact, max: exact }).map((integer) => ({ $case: 'integer', integer }) as const),
)
const quality = fc.option(fc.nat(255), { nil: undefined })
const timeOf = fc.option(
  fc.oneof(
    fc.bigInt({ min: -exact, max: BigInt(now) }).map((timeUs) => ({ $case: 'timeUs', timeUs }) as const),
    fc
      .bigInt({ min: -exact / 1000n, max: BigInt(now) / 1000n })
      .map((timeMs) => ({ $case: 'timeMs', timeMs }) as const),
  ),
  { nil: undefined },
)
const anyValue = fc.record({ metric: name, value: valueOf, quality, unit })
const anyReading: fc.Arbitrary<Reading> = fc.record({
  device: name,
  metric: name,
  time: timeOf,
  value: valueOf,
  quality,
  unit,
  values: fc.array(anyValue, { maxLength: 3 }),
})

type Row = Pick<RecordedRow, 'device' | 'metric' | 'time' | 'value' | 'quality'>

/** What the generated code makes of a message, as rows. */
function rowsOf({ device, time, ...first }: Reading): Row[] {
  const micros =
    time === undefined ? now : time.$case === 'timeUs' ? Number(time.timeUs) : Number(time.timeMs) * 1000
  return [first, ...first.values].flatMap(({ metric, value, quality = 192 }) => {
    if (value === undefined) return []
    const taken =
      value.$case === 'text'
        ? value.text
        : Number(
            value.$case === 'number'
              ? value.number
              : value.$case === 'boolean'
                ? value.boolean
                : value.integer,
          )
    return [{ device, metric, time: micros, value: taken, quality }]
  })
}

const plain = (rows: readonly RecordedRow[]): Row[] =>
  rows.map(({ device, metric, time, value, quality }) => ({ device, metric, time, value, quality }))

test('every message of the generated encoder comes out as its rows', () => {
  fc.assert(
    fc.property(fc.array(anyReading, { minLength: 1, maxLength: 8 }), (readings) => {
      const expected = readings.flatMap(rowsOf)
      const route = topic(undefined, undefined)
      const intake = new RecordingIntake()
      const batch = ReadingBatch.encode({ readings }).finish()
      for (let i = 0; i < 2; i++) {
        const { rows, refusals } = decodeInto(format, batch, route, intake)
        assert.deepEqual([plain(rows), refusals], [expected, []])
      }
      const singles = readings.map((reading) =>
        decodeInto(format, Reading.encode(reading).finish(), route, intake),
      )
      assert.deepEqual(
        singles.flatMap(({ rows }) => plain(rows)),
        expected,
      )
    }),
  )
})

const schema = protobuf.loadSync(`${protoFolder}/sluice/v1/reading.proto`).lookupType('sluice.v1.Reading')

test('every message of another encoder comes out as its rows', () => {
  fc.assert(
    fc.property(anyReading, (reading) => {
      const { device, metric, time, value, unit, quality, values } = reading
      const flat = (one: Reading['value']): Record<string, unknown> =>
        one === undefined
          ? {}
          : {
              [one.$case]: one.$case === 'integer' ? String(one.integer) : (Object.values(one)[1] as unknown),
            }
      const message = schema.fromObject({
        ...{ device, metric, unit, ...(quality === undefined ? {} : { quality }), ...flat(value) },
        ...(time === undefined ? {} : { [time.$case]: String(Object.values(time)[1]) }),
        values: values.map(({ value: inner, quality: own, ...names }) => ({
          ...names,
          ...(own === undefined ? {} : { quality: own }),
          ...flat(inner),
        })),
      })
      const { rows, refusals } = decodeInto(
        format,
        schema.encode(message).finish(),
        topic(undefined, undefined),
      )
      assert.deepEqual([plain(rows), refusals], [rowsOf(reading), []])
    }),
  )
})

/** Written by the Go program beside it. */
const ofGo = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/go/messages.json', import.meta.url), 'utf8'),
) as Readonly<Record<string, string>>

test('messages of Go’s encoder come out as their rows', () => {
  const decodeGo = (name: string, by = format) =>
    decodeInto(by, Buffer.from(ofGo[name] ?? '', 'hex'), topic(undefined, undefined))
  const at = 1_705_314_600_123_456
  const one = [
    { device: 'pump1', metric: 'temp', time: at, value: 25.5, quality: 64 },
    { device: 'pump1', metric: 'rpm', time: at, value: -1200, quality: 192 },
    { device: 'pump1', metric: 'state', time: at, value: 'läuft', quality: 192 },
    { device: 'pump1', metric: 'on', time: at, value: 1, quality: 192 },
  ]
  const reading = decodeGo('reading')
  assert.deepEqual([plain(reading.rows), reading.refusals], [one, []])
  assert.equal(reading.intake.names[0]?.unit, '°C')
  const batch = decodeGo('batch')
  const other = { device: 'b', metric: 'm', time: -1000, value: 2 ** 53, quality: 192 }
  assert.deepEqual(plain(batch.rows), [...one, other])
  assert.deepEqual(
    batch.refusals.map(({ index, code }) => [index, code]),
    [[2, 'undecodable']],
  )
  const sample = decodeGo('sensor-reading', sensorFormat)
  const row = { device: 'A:-7', metric: 'temperature', time: 1_705_314_600_123_000, value: 0.1 }
  assert.deepEqual([plain(sample.rows), sample.refusals], [[{ ...row, quality: 192 }], []])
})

/** Bytes of a message with some of them changed, taken out or cut off. */
const damaged = fc
  .tuple(
    fc.array(anyReading, { minLength: 1, maxLength: 3 }),
    fc.boolean(),
    fc.nat(),
    fc.nat(),
    fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
  )
  .map(([readings, isBatch, cut, out, changes]) => {
    const [first] = readings
    const whole =
      isBatch || first === undefined
        ? ReadingBatch.encode({ readings }).finish()
        : Reading.encode(first).finish()
    let bytes = whole.slice(0, cut % 2 === 0 ? whole.length : cut % (whole.length + 1))
    if (out % 3 === 0 && bytes.length > 0) bytes = bytes.filter((_, i) => i !== out % bytes.length)
    for (const [place, byte] of changes) if (bytes.length > 0) bytes[place % bytes.length] = byte
    return bytes
  })

test('damaged and random bytes never throw, leave nothing half-done, and what is taken is what the generated code reads', () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const { rows, refusals } = decodeInto(format, bytes, topic('route', 'value'))
      for (const { from, to } of refusals) assert.ok(from >= 0 && from <= to && to <= bytes.length)
      if (refusals.length > 0) return
      const messages = bytes[0] === 0x0a ? ReadingBatch.decode(bytes).readings : [Reading.decode(bytes)]
      const expected = messages.flatMap(rowsOf).map((row) => ({
        ...row,
        device: row.device === '' ? 'route' : row.device,
        metric: row.metric === '' ? 'value' : row.metric,
      }))
      assert.deepEqual(plain(rows), expected)
    }),
    { numRuns: 3_000 },
  )
})

const anySensor: fc.Arbitrary<SensorReading> = fc.record({
  value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  sensorType: name,
  id1: name,
  id2: fc.integer(),
  timestampMs: fc.bigInt({ min: -exact / 1000n, max: BigInt(now) / 1000n }),
})

test('a sensor.SensorReading is a row of device id1:id2, told apart by its number', () => {
  fc.assert(
    fc.property(anySensor, (sensor) => {
      const bytes = SensorReading.encode(sensor).finish()
      const route = topic(undefined, undefined)
      const intake = new RecordingIntake()
      const time = sensor.timestampMs === 0n ? now : Number(sensor.timestampMs) * 1000
      const device = `${sensor.id1}:${sensor.id2}`
      for (let i = 0; i < 2; i++) {
        const { rows, refusals } = decodeInto(sensorFormat, bytes, route, intake)
        const row = {
          device,
          metric: sensor.sensorType,
          time,
          value: sensor.value + 0,
          quality: 192,
          flags: byNumber,
        }
        assert.deepEqual([rows, refusals], [[row], []])
      }
    }),
  )
})

test('a sensor.SensorReading of the time 0 has none, and a value left out is 0', () => {
  const fields = { value: 0, sensorType: 't', id1: 'A', id2: 0, timestampMs: 0n }
  const { rows } = decodeInto(
    sensorFormat,
    SensorReading.encode(fields).finish(),
    topic(undefined, undefined),
  )
  assert.deepEqual(
    rows.map(({ device, time, value }) => [device, time, value]),
    [['A:0', now, 0]],
  )
})

test('damaged and random bytes for a sensor.SensorReading never throw', () => {
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      const { rows, refusals } = decodeInto(sensorFormat, bytes, topic('route', 'value'))
      assert.equal(rows.length + refusals.length, 1)
    }),
    { numRuns: 2_000 },
  )
})

test('a sensor.SensorReading is refused with its reason', () => {
  const of = (fields: Partial<SensorReading>) =>
    SensorReading.encode({ value: 1, sensorType: 't', id1: 'A', id2: 1, timestampMs: 1n, ...fields }).finish()
  const cases: readonly [bytes: Uint8Array, code: string, field: string | undefined][] = [
    [of({ value: Number.POSITIVE_INFINITY }), 'invalid-value', 'value'],
    [of({ id1: '' }), 'missing-field', 'id1'],
    [of({ sensorType: '' }), 'missing-field', 'sensor_type'],
    [of({ id1: 'a\0' }), 'invalid-name', 'id1'],
    [of({ id1: 'a'.repeat(1025) }), 'invalid-name', 'id1'],
    [of({ timestampMs: BigInt(now) }), 'invalid-time', 'timestamp_ms'],
    [of({ timestampMs: BigInt(now) / 1000n + 3_600_001n }), 'invalid-time', 'timestamp_ms'],
    [of({ id1: 'x'.repeat(70_000) }), 'too-large', undefined],
    [of({}).subarray(0, -1), 'undecodable', undefined],
    [new Uint8Array(0), 'undecodable', undefined],
    [
      Reading.encode({
        device: 'd',
        metric: 'm',
        time: undefined,
        value: { $case: 'number', number: 1 },
        quality: undefined,
        unit: '',
        values: [],
      }).finish(),
      'undecodable',
      undefined,
    ],
  ]
  for (const [bytes, code, field] of cases) {
    const { rows, refusals } = decodeInto(sensorFormat, bytes, topic(undefined, undefined))
    assert.deepEqual(
      [rows.length, refusals.map((refusal) => [refusal.code, refusal.field])],
      [0, [[code, field]]],
    )
  }
})
