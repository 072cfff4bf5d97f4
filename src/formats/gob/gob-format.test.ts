import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import fc from 'fast-check'
import { topic } from '../../../test/support/decode.ts'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { byNumber } from '../../core/batch.ts'
import type { RecordRefusal, Route } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { createGobFormat } from './gob-format.ts'
import { GobStruct, readGob } from './gob-reader.ts'

/** Written by the Go program beside it. */
const file = new URL('../../../test/fixtures/go/messages.json', import.meta.url)
const messages = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, string>>

const bytesOf = (name: string): Uint8Array => {
  const hex = messages[name]
  assert.ok(hex !== undefined, name)
  return Buffer.from(hex, 'hex')
}

const format = createGobFormat(defaultRecordLimits)
const at = Date.UTC(2025, 11, 26, 10) * 1000 + 123_456
const { now } = new RecordingIntake()

function decode(payload: Uint8Array, route: Route = topic(undefined, undefined)) {
  const intake = new RecordingIntake()
  const refusals: RecordRefusal[] = []
  const whole = Buffer.concat([Buffer.from('before'), payload, Buffer.from('behind')])
  const added = format.decode(whole, 6, 6 + payload.length, route, intake, (refusal) =>
    refusals.push(refusal),
  )
  assert.equal(added, intake.rows.length + intake.documents.length)
  return {
    refusals,
    names: intake.names,
    rows: intake.rows.map((row) => [row.device, row.metric, row.value, row.time, row.flags & byNumber]),
    documents: intake.documents.map((one) => [
      one.stream,
      one.key,
      one.time,
      Buffer.from(one.body).toString(),
    ]),
  }
}

test('a Sensor is its sample frequency, at the time of receipt', () => {
  const { rows, names, refusals } = decode(bytesOf('sensor'))
  assert.deepEqual(rows, [['AAD-1123', 'sample_frequency', 25_000.5, now, byNumber]])
  assert.equal(names[0]?.unit, 'Hz')
  assert.deepEqual(refusals, [])
  assert.deepEqual(decode(bytesOf('sensor-zero')).rows, [['AAD-1123', 'sample_frequency', 0, now, byNumber]])
  assert.deepEqual(decode(bytesOf('sensor-pointer')).rows, [['Größe', 'sample_frequency', 1, now, byNumber]])
})

test('a command is a text with its parameters beside it, of one time in whatever zone', () => {
  assert.deepEqual(decode(bytesOf('sleep')).rows, [['AAD-1123', 'command', 'sleep', at, 0]])
  assert.deepEqual(decode(bytesOf('awake-elsewhere')).rows, [['AAD-1123', 'command', 'awake', at, 0]])
  assert.deepEqual(decode(bytesOf('frequency')).rows, [
    ['AAD-1123', 'command', 'changeSampleFrequency', at, 0],
    ['AAD-1123', 'command.sampleFrequency', 100.25, at, 0],
  ])
})

test('a log line is a document of device-logs', () => {
  const body = '{"level":"INFO","message":"self-test \\"PASSED\\"\\n"}'
  assert.deepEqual(decode(bytesOf('log')).documents, [['device-logs', 'AAD-1123', at, body]])
  assert.deepEqual(decode(bytesOf('log-no-time')).documents, [
    ['device-logs', 'AAD-1123', now, '{"level":"ERROR","message":"läuft"}'],
  ])
  assert.equal(decode(bytesOf('log-zero-time')).documents[0]?.[2], now, 'Go’s zero time is none')
})

test('the topic names the device of a message that names none', () => {
  assert.equal(decode(bytesOf('log-no-serial'), topic('A1', undefined)).documents[0]?.[1], 'A1')
  assert.equal(decode(bytesOf('sensor-empty'), topic('A1', undefined)).rows[0]?.[0], 'A1')
})

const refused: readonly [name: string, code: string, field: string | undefined, reason: RegExp][] = [
  ['log-no-serial', 'missing-field', 'SerialNumber', /names the device/],
  ['log-nul', 'invalid-value', 'Message', /U\+0000/],
  ['params', 'invalid-value', 'Params.big', /2\^53/],
  ['params-struct', 'invalid-value', 'Params.sensor', /finite number/],
  ['stranger', 'undecodable', undefined, /"Stranger"; Sensor, SensorCommandMessage and SensorLog are read/],
  ['number', 'undecodable', undefined, /no struct/],
  ['twice', 'undecodable', undefined, /more than one value/],
  ['reading', 'undecodable', undefined, /./],
]

for (const [name, code, field, reason] of refused)
  test(`refused with its reason, and nothing of it is left: ${name}`, () => {
    const { rows, documents, refusals } = decode(bytesOf(name))
    assert.deepEqual([rows, documents, refusals.length], [[], [], 1])
    assert.deepEqual([refusals[0]?.code, refusals[0]?.field], [code, field])
    assert.match(refusals[0]?.reason ?? '', reason)
  })

test('limits hold: of the payload, of names and of times', () => {
  const of = (limits: object) => {
    const refusals: string[] = []
    const bytes = bytesOf('frequency')
    const strict = createGobFormat({ ...defaultRecordLimits, ...limits })
    const route = topic(undefined, undefined)
    const intake = new RecordingIntake()
    strict.decode(bytes, 0, bytes.length, route, intake, ({ code }) => refusals.push(code))
    assert.equal(intake.rows.length, 0)
    return refusals
  }
  assert.deepEqual(of({ payloadBytes: 100 }), ['too-large'])
  assert.deepEqual(of({ topicBytes: 7 }), ['invalid-name'])
  assert.deepEqual(of({ topicBytes: 20 }), ['invalid-name'])
  assert.deepEqual(of({ textBytes: 20 }), ['invalid-value'])
  assert.deepEqual(of({ aheadMicros: at - now - 1 }), ['invalid-time'])
})

test('every kind of type that gob knows is read', () => {
  const bytes = bytesOf('stranger')
  const stranger = readGob(bytes, 0, bytes.length)
  assert.ok(stranger instanceof GobStruct)
  const { At, Inner, Any, ...others } = Object.fromEntries(stranger.fields)
  assert.ok(At !== undefined && Inner instanceof GobStruct && Any instanceof GobStruct)
  assert.deepEqual(Object.fromEntries(Any.fields), { SerialNumber: 'C', SampleFrequency: 3 })
  assert.deepEqual(Object.fromEntries(Inner.fields), { Int: -1, Array: [0, 0], Any: 'text' })
  assert.deepEqual(others, {
    ...{ Flag: true, Int: -300, Uint: 2n ** 63n, Float: 0.1, Complex: [1, 2], Text: 'text' },
    ...{ Bytes: Buffer.from([1, 2]), List: ['a', 'b'], Array: [-1, 1], Map: ['k', 7] },
  })
})

test('damaged and random bytes never throw, and are taken whole or refused whole', () => {
  const whole = Object.keys(messages).map(bytesOf)
  const damaged = fc
    .tuple(fc.constantFrom(...whole), fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
    .map(([bytes, cut, changes]) => {
      const copy = Uint8Array.from(bytes.subarray(0, cut % 2 === 0 ? bytes.length : cut % bytes.length))
      for (const [place, byte] of changes) if (copy.length > 0) copy[place % copy.length] = byte
      return copy
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      const { rows, documents, refusals } = decode(bytes)
      assert.ok(
        refusals.length === 0 ? rows.length + documents.length > 0 : rows.length + documents.length === 0,
      )
    }),
    { numRuns: 5_000 },
  )
})

test('a gob that contradicts itself is refused', () => {
  const reasonOf = (bytes: Uint8Array) => decode(bytes).refusals.map(({ reason }) => reason)
  const sensor = bytesOf('sensor')
  const type = sensor.subarray(0, 1 + (sensor[0] ?? 0))
  assert.deepEqual(reasonOf(Buffer.concat([type, sensor])), ['the gob describes a type twice'])
  assert.deepEqual(reasonOf(type), ['the gob is cut off'])
  const long = Buffer.from([12, 4, 0, 0xf7, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  assert.deepEqual(reasonOf(long), ['a number of the gob has more than eight bytes'])
  const frequency = Buffer.from(bytesOf('frequency'))
  const float = Buffer.from([0x08, 0x05, 0x00, 0xfd]) // type, length, value of the parameter
  frequency[frequency.indexOf(float) + 1] = 4
  assert.deepEqual(reasonOf(frequency), ['a value of the gob has another length than it says'])
})

test('a gob that nests too deeply is refused', () => {
  const { refusals } = decode(bytesOf('deep'))
  assert.match(refusals[0]?.reason ?? '', /nested too deeply/)
})
