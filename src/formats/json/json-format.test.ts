import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byNumber, isText } from '../../core/batch.ts'
import type { Route } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { decodeInto, onPump, refusalOf, rowsOf, topic } from '../../../test/support/decode.ts'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { createJsonFormat } from './json-format.ts'

const format = createJsonFormat(defaultRecordLimits)
const now = new RecordingIntake().now
const at = 1_705_314_600_000_000 // 2024-01-15T10:30:00Z

test('F5: v, q, u and ts in ms are one row of the topic’s series', () => {
  const payload = '{"v":25.5,"q":"uncertain","u":"°C","ts":1705314600000}'
  assert.deepEqual(rowsOf(format, payload), [['pump1', 'temp', 25.5, at, 64, 0]])
  const { intake } = decodeInto(format, payload, onPump())
  assert.equal(intake.names[0]?.unit, '°C')
})

test('F5: ts is ms whatever its size, and 0 says that there is no time', () => {
  assert.deepEqual(rowsOf(format, '{"v":1,"ts":1705314600}'), [
    ['pump1', 'temp', 1, 1_705_314_600_000, 192, 0],
  ])
  assert.deepEqual(rowsOf(format, '{"v":1,"ts":0}'), [['pump1', 'temp', 1, now, 192, byNumber]])
})

test('F5: the payload’s own ids win over the topic', () => {
  assert.deepEqual(rowsOf(format, '{"v":true,"ts":1705314600000,"device_id":"plc","tag_id":"motor"}'), [
    ['plc', 'motor', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf(format, '{"v":false,"ts":1705314600000,"device_id":"","tag_id":"motor"}'), [
    ['pump1', 'motor', 0, at, 192, 0],
  ])
})

test('F6: value, quality code, unit and RFC 3339 time; the other times are kept as extra members', () => {
  const payload =
    '{"value":25.5,"quality":192,"unit":"bar","timestamp":"2024-01-15T10:30:00.123456789Z",' +
    '"source_timestamp":"2024-01-15T10:29:59Z","server_timestamp":"2024-01-15T10:30:01Z","device_id":"d","tag_id":"t"}'
  const route = topic(undefined, undefined)
  const intake = new RecordingIntake()
  for (let i = 0; i < 2; i++) {
    const { rows } = decodeInto(format, payload, route, intake)
    assert.deepEqual(rows, [
      {
        ...{ device: 'd', metric: 't', value: 25.5, time: at + 123_456, quality: 192, flags: 0 },
        extra: '{"source_timestamp":"2024-01-15T10:29:59Z","server_timestamp":"2024-01-15T10:30:01Z"}',
      },
    ])
  }
  assert.equal(intake.names[0]?.unit, 'bar')
})

test('F5 and F6 take each other’s spellings, and what nobody knows is kept as extra members', () => {
  assert.deepEqual(rowsOf(format, '{"v":1,"quality":0,"timestamp":1705314600}'), [
    ['pump1', 'temp', 1, at, 0, 0],
  ])
  assert.deepEqual(
    rowsOf(
      format,
      '{"device":"d","metric":"m","value":1,"time":1705314600123456}',
      topic(undefined, undefined),
    ),
    [['d', 'm', 1, at + 123_456, 192, 0]],
  )
  const { rows } = decodeInto(format, '{"v":1,"seq":[9007199254740993,1.50],"token":"x","value":2}', onPump())
  assert.equal(rows[0]?.extra, '{"seq":[9007199254740993,1.5],"value":2}')
})

test('a text value is a text, a missing quality good, a known bad word 0 and an unknown word 64', () => {
  assert.deepEqual(rowsOf(format, '{"v":"läuft","ts":1705314600000}'), [
    ['pump1', 'temp', 'läuft', at, 192, isText],
  ])
  for (const [quality, expected] of [
    ['"not_connected"', 0],
    ['"config_error"', 0],
    ['"device_failure"', 0],
    ['"timeout"', 0],
    ['"BAD"', 0],
    ['"GOOD"', 192],
    ['"whatever"', 64],
    ['0', 0],
    ['null', 192],
  ] as const)
    assert.deepEqual(rowsOf(format, `{"v":1,"q":${quality},"ts":1705314600000}`), [
      ['pump1', 'temp', 1, at, expected, 0],
    ])
  for (const quality of ['256', '-1', '1.5', 'true', '{}'])
    assert.deepEqual(refusalOf(format, `{"v":1,"q":${quality}}`), { code: 'invalid-value', field: 'q' })
})

test('F1: every numeric member is a metric, told apart by number, and the token is nowhere', () => {
  const payload =
    '{"id":"dev-1","latitude":55.7,"longitude":37.6,"altitude":120,"battery":88,"timestamp":1765400000,"token":"e.y.J"}'
  const route = topic(undefined, undefined)
  const intake = new RecordingIntake()
  for (const device of ['dev-1', 'dev-2', 'dev-1']) {
    const { rows } = decodeInto(format, payload.replace('dev-1', device), route, intake)
    assert.deepEqual(
      rows,
      Object.entries({ latitude: 55.7, longitude: 37.6, altitude: 120, battery: 88 }).map(
        ([metric, value]) => ({
          ...{ device, metric, value, time: 1_765_400_000_000_000, quality: 192, flags: byNumber },
        }),
      ),
    )
  }
  assert.equal(intake.seriesCalls, 8)
})

test('F3: 25,000 samples in one message, each for its own serial number', () => {
  const samples = Array.from({ length: 25_000 }, (_, i) => ({
    SerialNumber: `AAD-${i % 3}`,
    Timestamp: new Date(at / 1000 + i).toISOString().replace('Z', '789Z'),
    Value: Math.sin(i),
  }))
  const route = topic('AAD-1', undefined)
  const { rows, refusals, intake } = decodeInto(format, JSON.stringify(samples), route)
  assert.deepEqual(refusals, [])
  assert.equal(rows.length, samples.length)
  assert.deepEqual(rows[24_998], {
    ...{ device: 'AAD-2', metric: 'measurement', quality: 192, flags: 0 },
    value: Math.sin(24_998),
    time: at + 24_998_789,
  })
  assert.ok(intake.seriesCalls < 10, 'known series cost no call')
})

test('a generic object gives a row for every number, text and boolean, nested ones by dotted path', () => {
  const payload =
    '{"temperature":20.5,"state":"on","open":true,"motor":{"rpm":1500,"bearing":{"temp":40}},"gone":null,"ts":1705314600}'
  assert.deepEqual(rowsOf(format, payload, topic('m1', undefined)), [
    ['m1', 'temperature', 20.5, at, 192, 0],
    ['m1', 'state', 'on', at, 192, isText],
    ['m1', 'open', 1, at, 192, 0],
    ['m1', 'motor.rpm', 1500, at, 192, 0],
    ['m1', 'motor.bearing.temp', 40, at, 192, 0],
  ])
})

test('where the topic names a metric, the members of an object stand below it', () => {
  assert.deepEqual(rowsOf(format, '{"min":1,"max":2,"time":"2024-01-15T10:30:00Z"}'), [
    ['pump1', 'temp.min', 1, at, 192, 0],
    ['pump1', 'temp.max', 2, at, 192, 0],
  ])
})

test('the device of a generic object is device_id or device, else the topic’s, else id', () => {
  assert.deepEqual(rowsOf(format, '{"device_id":"a","x":1,"ts":1705314600}', topic('t', undefined)), [
    ['a', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf(format, '{"device":"a","x":1,"ts":1705314600}', topic('t', undefined)), [
    ['a', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf(format, '{"id":"a","x":1,"ts":1705314600}', topic(undefined, undefined)), [
    ['a', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf(format, '{"id":7,"x":1,"ts":1705314600}', topic('t', undefined)), [
    ['t', 'id', 7, at, 192, 0],
    ['t', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(refusalOf(format, '{"x":1}', topic(undefined, undefined)), {
    code: 'missing-field',
    field: 'device',
  })
  assert.deepEqual(refusalOf(format, '{"id":7,"x":1}', topic(undefined, undefined)), {
    code: 'invalid-name',
    field: 'id',
  })
  assert.deepEqual(refusalOf(format, '{"device":{"a":1},"x":1}'), { code: 'invalid-name', field: 'device' })
})

test('v or value without a named metric is a metric of that name, beside others an ordinary member', () => {
  assert.deepEqual(rowsOf(format, '{"value":1,"quality":64,"ts":1705314600}', topic('m1', undefined)), [
    ['m1', 'value', 1, at, 64, 0],
  ])
  assert.deepEqual(rowsOf(format, '{"v":230,"a":3.5,"ts":1705314600}', topic('m1', undefined)), [
    ['m1', 'v', 230, at, 192, 0],
    ['m1', 'a', 3.5, at, 192, 0],
  ])
})

test('arrays in a generic object are kept beside its last row, secrets nowhere', () => {
  const payload = '{"x":1,"list":[1,{"token":"s","a":2}],"Token":"s","auth":{"password":"s","y":2}}'
  const { rows } = decodeInto(format, payload, topic('m1', undefined))
  assert.deepEqual(
    rows.map(({ metric, extra }) => [metric, extra]),
    [
      ['x', undefined],
      ['auth.y', '{"list":[1,{"a":2}]}'],
    ],
  )
})

test('a bare value belongs to a topic that names device and metric, at the time of receipt', () => {
  assert.deepEqual(rowsOf(format, ' 21.5 '), [['pump1', 'temp', 21.5, now, 192, byNumber]])
  assert.deepEqual(rowsOf(format, 'true'), [['pump1', 'temp', 1, now, 192, byNumber]])
  assert.deepEqual(rowsOf(format, '"open"'), [['pump1', 'temp', 'open', now, 192, byNumber | isText]])
  assert.equal(refusalOf(format, '21.5', topic('m1', undefined)).code, 'missing-field')
  assert.equal(refusalOf(format, 'null').code, 'invalid-value')
})

test('a missing time is the time of receipt, and such rows are told apart by number', () => {
  assert.deepEqual(rowsOf(format, '{"v":1}'), [['pump1', 'temp', 1, now, 192, byNumber]])
  assert.deepEqual(rowsOf(format, '{"value":1,"timestamp":null}'), [['pump1', 'temp', 1, now, 192, byNumber]])
  assert.deepEqual(rowsOf(format, '{"SerialNumber":"a","Value":1}'), [
    ['a', 'measurement', 1, now, 192, byNumber],
  ])
})

test('bare numbers are seconds, ms, µs or ns by their size where the form names no unit', () => {
  for (const [text, time] of [
    ['1705314600', at],
    ['1705314600.25', at + 250_000],
    ['1705314600123', at + 123_000],
    ['1705314600123456', at + 123_456],
    ['1705314600123456789', at + 123_456],
    ['1.7053146e9', at],
    ['-1', -1_000_000],
  ] as const)
    assert.deepEqual(
      rowsOf(format, `{"value":1,"timestamp":${text}}`),
      [['pump1', 'temp', 1, time, 192, 0]],
      text,
    )
})

test('quotes, backslashes, __proto__ and names of any alphabet come through unchanged', () => {
  const members = { 'a"b': 1, 'back\\slash': 2, constructor: 3, Größe: 4, 温度: 5, 'a b': 6, '🌡': 7 }
  const route = topic('m1', undefined)
  const payload = `{"__proto__":0,${JSON.stringify(members).slice(1)}`
  for (let i = 0; i < 2; i++)
    assert.deepEqual(
      rowsOf(format, payload, route).map((row) => row.slice(1, 3)),
      [['__proto__', 0], ...Object.entries(members)],
    )
  assert.equal(refusalOf(format, '{"":1}').code, 'invalid-name')
})

test('of a doubled name the last one counts', () => {
  assert.deepEqual(rowsOf(format, '{"v":1,"v":2,"ts":1}'), [['pump1', 'temp', 2, 1000, 192, 0]])
  const route = topic('m1', undefined)
  const intake = new RecordingIntake()
  for (let i = 0; i < 2; i++)
    assert.deepEqual(
      decodeInto(format, '{"a":1,"b":2,"a":3}', route, intake).rows.map((row) => row.value),
      [3, 2],
    )
})

test('known series cost no call of the intake, and a unit is told when it is new', () => {
  const calls = (route: Route, payloads: string[]): number => {
    const intake = new RecordingIntake()
    for (const payload of payloads) assert.deepEqual(decodeInto(format, payload, route, intake).refusals, [])
    return intake.seriesCalls
  }
  assert.equal(calls(onPump(), ['{"v":1,"ts":1}', '{"v":2,"ts":2}', '{"value":3,"timestamp":3}', '4']), 1)
  assert.equal(calls(onPump(), ['{"v":1,"u":"C"}', '{"v":2,"u":"C"}', '{"v":3}', '{"v":3,"u":"C"}']), 1)
  assert.equal(calls(onPump(), ['{"v":1}', '{"v":2,"u":"°C"}', '{"v":3,"u":"°C"}']), 2)
  assert.equal(calls(onPump(), ['{"v":"on"}', '{"v":"off"}', '{"v":1}', '{"v":"on"}', '2']), 2, 'one a kind')
  assert.equal(calls(topic('m', undefined), ['{"state":"on","b":2}', '{"b":1,"state":"off"}']), 2)
  assert.equal(calls(topic('m', undefined), ['{"a":1,"b":2}', '{"b":1,"a":2}', '{"a":2}']), 2)
  assert.equal(
    calls(topic(undefined, undefined), [
      '{"device":"d","metric":"m","value":1,"unit":"C"}',
      '{"metric":"m","device":"d","value":1,"unit":"C"}',
    ]),
    1,
  )
})
