import assert from 'node:assert/strict'
import { test } from 'node:test'
import { byNumber, isText } from '../../core/batch.ts'
import { createRoute, type Route } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { decodeInto } from '../../../test/support/decode.ts'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { createJsonFormat } from './json-format.ts'

const format = createJsonFormat(defaultRecordLimits)
const now = Date.UTC(2026, 0, 15) * 1000
const at = 1_705_314_600_000_000

const topic = (device: string | undefined, metric: string | undefined): Route =>
  createRoute('', device, metric)
const onPump = (): Route => topic('pump1', 'temp')

/** Rows as [device, metric, value, time, quality, flags]. */
function rowsOf(payload: string, route: Route = onPump()): unknown[] {
  const { rows, refusals } = decodeInto(format, payload, route, new RecordingIntake({ now }))
  assert.deepEqual(refusals, [])
  return rows.map((row) => [row.device, row.metric, row.value, row.time, row.quality, row.flags])
}

/** The only refusal of a payload that gives no row. */
function refusalOf(
  payload: string | Uint8Array,
  route: Route = onPump(),
): { code: string; field: string | undefined } {
  const { rows, refusals } = decodeInto(format, payload, route, new RecordingIntake({ now }))
  assert.deepEqual(rows, [])
  assert.equal(refusals.length, 1, String(payload))
  const { code, field } = refusals[0] ?? { code: '', field: '' }
  return { code, field }
}

test('F5: v, q, u and ts in ms are one row of the topic’s series', () => {
  const payload = '{"v":25.5,"q":"uncertain","u":"°C","ts":1705314600000}'
  assert.deepEqual(rowsOf(payload), [['pump1', 'temp', 25.5, at, 64, 0]])
  const { intake } = decodeInto(format, payload, onPump())
  assert.equal(intake.names[0]?.unit, '°C')
})

test('F5: ts is ms whatever its size, and 0 says that there is no time', () => {
  assert.deepEqual(rowsOf('{"v":1,"ts":1705314600}'), [['pump1', 'temp', 1, 1_705_314_600_000, 192, 0]])
  assert.deepEqual(rowsOf('{"v":1,"ts":0}'), [['pump1', 'temp', 1, now, 192, byNumber]])
})

test('F5: the payload’s own ids win over the topic', () => {
  assert.deepEqual(rowsOf('{"v":true,"ts":1705314600000,"device_id":"plc","tag_id":"motor"}'), [
    ['plc', 'motor', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf('{"v":false,"ts":1705314600000,"device_id":"","tag_id":"motor"}'), [
    ['pump1', 'motor', 0, at, 192, 0],
  ])
})

test('F6: value, quality code, unit and RFC 3339 time; the other times are kept as extra members', () => {
  const payload =
    '{"value":25.5,"quality":192,"unit":"bar","timestamp":"2024-01-15T10:30:00.123456789Z",' +
    '"source_timestamp":"2024-01-15T10:29:59Z","server_timestamp":"2024-01-15T10:30:01Z","device_id":"d","tag_id":"t"}'
  const route = topic(undefined, undefined)
  const intake = new RecordingIntake({ now })
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
  assert.deepEqual(rowsOf('{"v":1,"quality":0,"timestamp":1705314600}'), [['pump1', 'temp', 1, at, 0, 0]])
  assert.deepEqual(
    rowsOf('{"device":"d","metric":"m","value":1,"time":1705314600123456}', topic(undefined, undefined)),
    [['d', 'm', 1, at + 123_456, 192, 0]],
  )
  const { rows } = decodeInto(format, '{"v":1,"seq":[9007199254740993,1.50],"token":"x","value":2}', onPump())
  assert.equal(rows[0]?.extra, '{"seq":[9007199254740993,1.5],"value":2}')
})

test('a text value is a text, a missing quality good, a known bad word 0 and an unknown word 64', () => {
  assert.deepEqual(rowsOf('{"v":"läuft","ts":1705314600000}'), [['pump1', 'temp', 'läuft', at, 192, isText]])
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
    assert.deepEqual(rowsOf(`{"v":1,"q":${quality},"ts":1705314600000}`), [
      ['pump1', 'temp', 1, at, expected, 0],
    ])
  for (const quality of ['256', '-1', '1.5', 'true', '{}'])
    assert.deepEqual(refusalOf(`{"v":1,"q":${quality}}`), { code: 'invalid-value', field: 'q' })
})

test('a value that is null, an array or an object is refused', () => {
  for (const value of ['null', '[1]', '{"a":1}']) {
    assert.deepEqual(refusalOf(`{"v":${value}}`), { code: 'invalid-value', field: 'v' })
    assert.deepEqual(refusalOf(`{"value":${value}}`), { code: 'invalid-value', field: 'value' })
    assert.deepEqual(refusalOf(`{"SerialNumber":"a","Value":${value}}`), {
      code: 'invalid-value',
      field: 'Value',
    })
  }
})

test('F1: every numeric member is a metric, told apart by number, and the token is nowhere', () => {
  const payload =
    '{"id":"dev-1","latitude":55.7,"longitude":37.6,"altitude":120,"battery":88,"timestamp":1765400000,"token":"e.y.J"}'
  const route = topic(undefined, undefined)
  const intake = new RecordingIntake({ now })
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

test('in an array each element is judged alone, with its place and bytes', () => {
  const elements = [
    '{"v":1}',
    '{"v":NaN}',
    ' {"v":null} ',
    '{"v":2]',
    '{"v":3}',
    '7',
    '',
    '[{"v":5}]',
    '{"v":6} x',
    '{"v":7}',
  ]
  const payload = `[${elements.join(',')}]`
  const { rows, refusals } = decodeInto(format, payload, onPump())
  assert.deepEqual(
    refusals.map(({ code, index, field, from, to }) => [index, code, field, payload.slice(from, to)]),
    [
      [1, 'undecodable', undefined, '{"v":NaN}'],
      [2, 'invalid-value', 'v', '{"v":null}'],
      [3, 'undecodable', undefined, '{"v":2]'],
      [5, 'undecodable', undefined, '7'],
      [6, 'undecodable', undefined, ''],
      [7, 'undecodable', undefined, '[{"v":5}]'],
      [8, 'undecodable', undefined, '{"v":6} x'],
    ],
  )
  assert.deepEqual(
    rows.map((row) => row.value),
    [1, 3, 7],
  )
})

test('an array that is not closed, or has something behind it, keeps what it holds and says so', () => {
  for (const [payload, values, index] of [
    ['[{"v":1},{"v":2}', [1, 2], 2],
    ['[{"v":1},{"v":2}]x', [1, 2], 2],
    ['[{"v":1},]', [1], 1],
    ['[{"v":1},{"v"', [1], 1],
    ['[', [], 0],
    ['[]]', [], 0],
  ] as const) {
    const { rows, refusals } = decodeInto(format, payload, onPump())
    assert.deepEqual([payload, rows.map((row) => row.value)], [payload, values])
    assert.deepEqual(
      refusals.map((refusal) => [refusal.code, refusal.index]),
      [['undecodable', index]],
      payload,
    )
  }
  assert.deepEqual(rowsOf(' [ ] '), [])
})

test('an array of nothing but commas ends in a bounded number of refusals', () => {
  const { refusals } = decodeInto(format, `[${','.repeat(1_000_000)}]`, onPump())
  assert.ok(refusals.length < 33_000)
  assert.match(refusals.at(-1)?.reason ?? '', /so is the rest/)
})

test('a generic object gives a row for every number, text and boolean, nested ones by dotted path', () => {
  const payload =
    '{"temperature":20.5,"state":"on","open":true,"motor":{"rpm":1500,"bearing":{"temp":40}},"gone":null,"ts":1705314600}'
  assert.deepEqual(rowsOf(payload, topic('m1', undefined)), [
    ['m1', 'temperature', 20.5, at, 192, 0],
    ['m1', 'state', 'on', at, 192, isText],
    ['m1', 'open', 1, at, 192, 0],
    ['m1', 'motor.rpm', 1500, at, 192, 0],
    ['m1', 'motor.bearing.temp', 40, at, 192, 0],
  ])
})

test('where the topic names a metric, the members of an object stand below it', () => {
  assert.deepEqual(rowsOf('{"min":1,"max":2,"time":"2024-01-15T10:30:00Z"}'), [
    ['pump1', 'temp.min', 1, at, 192, 0],
    ['pump1', 'temp.max', 2, at, 192, 0],
  ])
})

test('the device of a generic object is device_id or device, else the topic’s, else id', () => {
  assert.deepEqual(rowsOf('{"device_id":"a","x":1,"ts":1705314600}', topic('t', undefined)), [
    ['a', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf('{"device":"a","x":1,"ts":1705314600}', topic('t', undefined)), [
    ['a', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf('{"id":"a","x":1,"ts":1705314600}', topic(undefined, undefined)), [
    ['a', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(rowsOf('{"id":7,"x":1,"ts":1705314600}', topic('t', undefined)), [
    ['t', 'id', 7, at, 192, 0],
    ['t', 'x', 1, at, 192, 0],
  ])
  assert.deepEqual(refusalOf('{"x":1}', topic(undefined, undefined)), {
    code: 'missing-field',
    field: 'device',
  })
  assert.deepEqual(refusalOf('{"id":7,"x":1}', topic(undefined, undefined)), {
    code: 'invalid-name',
    field: 'id',
  })
  assert.deepEqual(refusalOf('{"device":{"a":1},"x":1}'), { code: 'invalid-name', field: 'device' })
})

test('v or value without a named metric is a metric of that name, beside others an ordinary member', () => {
  assert.deepEqual(rowsOf('{"value":1,"quality":64,"ts":1705314600}', topic('m1', undefined)), [
    ['m1', 'value', 1, at, 64, 0],
  ])
  assert.deepEqual(rowsOf('{"v":230,"a":3.5,"ts":1705314600}', topic('m1', undefined)), [
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

test('an object without any value is refused', () => {
  for (const payload of ['{}', '{"ts":1705314600}', '{"a":null}', '{"a":[1]}', '{"token":"x"}'])
    assert.deepEqual(refusalOf(payload), { code: 'missing-field', field: undefined }, payload)
})

test('a bare value belongs to a topic that names device and metric, at the time of receipt', () => {
  assert.deepEqual(rowsOf(' 21.5 '), [['pump1', 'temp', 21.5, now, 192, byNumber]])
  assert.deepEqual(rowsOf('true'), [['pump1', 'temp', 1, now, 192, byNumber]])
  assert.deepEqual(rowsOf('"open"'), [['pump1', 'temp', 'open', now, 192, byNumber | isText]])
  assert.equal(refusalOf('21.5', topic('m1', undefined)).code, 'missing-field')
  assert.equal(refusalOf('null').code, 'invalid-value')
})

test('a missing time is the time of receipt, and such rows are told apart by number', () => {
  assert.deepEqual(rowsOf('{"v":1}'), [['pump1', 'temp', 1, now, 192, byNumber]])
  assert.deepEqual(rowsOf('{"value":1,"timestamp":null}'), [['pump1', 'temp', 1, now, 192, byNumber]])
  assert.deepEqual(rowsOf('{"SerialNumber":"a","Value":1}'), [['a', 'measurement', 1, now, 192, byNumber]])
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
    assert.deepEqual(rowsOf(`{"value":1,"timestamp":${text}}`), [['pump1', 'temp', 1, time, 192, 0]], text)
})

test('a time that is none, or more than an hour ahead, is refused', () => {
  for (const time of [
    '"yesterday"',
    '"2024-01-15T10:30:00"',
    'true',
    '{}',
    '1e300',
    '1e400',
    '-9107199254740993000',
  ])
    assert.deepEqual(
      refusalOf(`{"value":1,"timestamp":${time}}`),
      { code: 'invalid-time', field: 'timestamp' },
      time,
    )
  const hour = now / 1000 + 3_600_000
  assert.deepEqual(rowsOf(`{"v":1,"ts":${hour}}`), [['pump1', 'temp', 1, hour * 1000, 192, 0]])
  assert.deepEqual(refusalOf(`{"v":1,"ts":${hour + 1}}`), { code: 'invalid-time', field: 'ts' })
})

test('numbers that would change are refused: beyond 2^53, beyond a double', () => {
  assert.deepEqual(rowsOf('{"v":9007199254740992,"ts":1}')[0], ['pump1', 'temp', 2 ** 53, 1000, 192, 0])
  for (const value of ['9007199254740993', '-9007199254740993', '1e400', '-1e400', '1'.repeat(60_000)])
    assert.deepEqual(refusalOf(`{"v":${value}}`), { code: 'invalid-value', field: 'v' })
  assert.deepEqual(rowsOf('{"v":1e300,"ts":1}')[0], ['pump1', 'temp', 1e300, 1000, 192, 0])
  assert.deepEqual(rowsOf('{"v":-0,"ts":1}')[0], ['pump1', 'temp', -0, 1000, 192, 0])
})

test('where a series is declared text, integers keep all their digits', () => {
  const intake = new RecordingIntake({ now, declared: { 'pump1 temp': 'text' } })
  for (const digits of ['9007199254740993', '12'])
    assert.equal(decodeInto(format, `{"v":${digits}}`, onPump(), intake).rows[0]?.value, digits)
  assert.equal(decodeInto(format, '{"v":1.5}', onPump(), intake).refusals[0]?.code, 'wrong-kind')
})

test('what is not JSON or not UTF-8 is refused without repeating what it says', () => {
  for (const payload of [
    '',
    ' ',
    'hello',
    '{',
    '{"v":1',
    '{"v":NaN}',
    '{"v":Infinity}',
    '{"v":1}{"v":2}',
    '\ufeff{"v":1}',
    "{'v':1}",
  ])
    assert.equal(refusalOf(payload).code, 'undecodable', payload)
  for (const place of ['"v":1,"u":"\xff"', '"v":"\xff"', '"v":1,"token":"\xff"', '"v":1,"\xff":2']) {
    const bytes = Buffer.from(`{${place}}`, 'latin1')
    assert.equal(refusalOf(bytes).code, 'undecodable', place)
  }
  const { refusals } = decodeInto(format, '{"token":"secret", nonsense', onPump())
  assert.doesNotMatch(refusals[0]?.reason ?? '', /secret/)
})

test('invalid UTF-8 is refused also in what the scanner steps over', () => {
  const route = topic('m1', undefined)
  const intake = new RecordingIntake({ now })
  const payload = (token: string): Buffer =>
    Buffer.from(`{"id":"d","latitude":1,"timestamp":1,"token":"${token}"}`, 'latin1')
  assert.equal(decodeInto(format, payload('ok'), route, intake).rows.length, 1)
  assert.equal(decodeInto(format, payload('\xff'), route, intake).refusals[0]?.code, 'undecodable')
})

test('U+0000 and lone surrogates are refused wherever they stand', () => {
  for (const payload of [
    '{"v":"a\\u0000b"}',
    '{"v":"\\ud800"}',
    '{"v":1,"u":"\\u0000"}',
    '{"v":1,"more":["\\udc00"]}',
    '{"v":1,"a\\u0000b":1}',
    '{"a":{"b":"\\u0000"}}',
  ])
    assert.match(refusalOf(payload).code, /^invalid-(value|name)$/, payload)
})

test('quotes, backslashes, __proto__ and names of any alphabet come through unchanged', () => {
  const members = { 'a"b': 1, 'back\\slash': 2, constructor: 3, Größe: 4, 温度: 5, 'a b': 6, '🌡': 7 }
  const route = topic('m1', undefined)
  const payload = `{"__proto__":0,${JSON.stringify(members).slice(1)}`
  for (let i = 0; i < 2; i++)
    assert.deepEqual(
      rowsOf(payload, route).map((row) => (row as unknown[]).slice(1, 3)),
      [['__proto__', 0], ...Object.entries(members)],
    )
  assert.equal(refusalOf('{"":1}').code, 'invalid-name')
})

test('of a doubled name the last one counts', () => {
  assert.deepEqual(rowsOf('{"v":1,"v":2,"ts":1}'), [['pump1', 'temp', 2, 1000, 192, 0]])
  const route = topic('m1', undefined)
  const intake = new RecordingIntake({ now })
  for (let i = 0; i < 2; i++)
    assert.deepEqual(
      decodeInto(format, '{"a":1,"b":2,"a":3}', route, intake).rows.map((row) => row.value),
      [3, 2],
    )
})

test('limits: text, names, nesting, payload, element and array', () => {
  assert.equal(rowsOf(`{"v":"${'é'.repeat(2048)}"}`).length, 1)
  assert.deepEqual(refusalOf(`{"v":"${'é'.repeat(2048)}x"}`), { code: 'invalid-value', field: 'v' })
  assert.deepEqual(refusalOf(`{"v":1,"tag_id":"${'x'.repeat(1025)}"}`), {
    code: 'invalid-name',
    field: 'tag_id',
  })
  const nested = (depth: number): string => `${'{"a":'.repeat(depth + 1)}1${'}'.repeat(depth + 1)}`
  assert.equal(rowsOf(nested(8)).length, 1)
  assert.equal(refusalOf(nested(9)).code, 'invalid-value')
  assert.equal(refusalOf('{"a":'.repeat(13_000)).code, 'undecodable')
  assert.equal(refusalOf(`${'['.repeat(30_000)}${']'.repeat(30_000)}`).code, 'invalid-value')

  const padded = (size: number): string => `{"v":1,"ts":1${' '.repeat(size - 14)}}`
  assert.equal(rowsOf(padded(65_536)).length, 1)
  assert.equal(refusalOf(padded(65_537)).code, 'too-large')
  assert.equal(rowsOf(`[${padded(65_536)},${padded(65_536)}]`).length, 2)
  const intake = new RecordingIntake({ now })
  const { rows, refusals } = decodeInto(format, `[{"v":1},${padded(65_537)},{"v":3}]`, onPump(), intake)
  assert.deepEqual([rows.length, refusals[0]?.code, refusals[0]?.index], [2, 'too-large', 1])
  assert.equal(refusalOf(`[{"v":1}${' '.repeat(4 * 1024 * 1024)}]`).code, 'too-large')
})

test('a series that the intake refuses refuses the whole record and nothing else', () => {
  const intake = new RecordingIntake({ now, series: 2 })
  const { rows, refusals } = decodeInto(
    format,
    '[{"a":1},{"b":1,"c":2,"d":3},{"b":2}]',
    topic('m1', undefined),
    intake,
  )
  assert.deepEqual(
    rows.map((row) => [row.metric, row.value]),
    [
      ['a', 1],
      ['b', 2],
    ],
  )
  assert.deepEqual([refusals[0]?.code, refusals[0]?.index], ['series-limit', 1])
})

test('known series cost no call of the intake, and a unit is told when it is new', () => {
  const calls = (route: Route, payloads: string[]): number => {
    const intake = new RecordingIntake({ now })
    for (const payload of payloads) assert.deepEqual(decodeInto(format, payload, route, intake).refusals, [])
    return intake.seriesCalls
  }
  assert.equal(calls(onPump(), ['{"v":1,"ts":1}', '{"v":2,"ts":2}', '{"value":3,"timestamp":3}', '4']), 1 + 1)
  assert.equal(calls(onPump(), ['{"v":1,"u":"C"}', '{"v":2,"u":"C"}', '{"v":3}', '{"v":3,"u":"C"}']), 1)
  assert.equal(calls(onPump(), ['{"v":1}', '{"v":2,"u":"°C"}', '{"v":3,"u":"°C"}']), 2)
  assert.equal(calls(topic('m', undefined), ['{"a":1,"b":2}', '{"b":1,"a":2}', '{"a":2}']), 2)
  assert.equal(
    calls(topic(undefined, undefined), [
      '{"device":"d","metric":"m","value":1,"unit":"C"}',
      '{"metric":"m","device":"d","value":1,"unit":"C"}',
    ]),
    1,
  )
})
