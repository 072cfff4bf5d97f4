import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRoute } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { decodeInto, onPump, refusalOf, rowsOf, topic } from '../../../test/support/decode.ts'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { createJsonFormat } from './json-format.ts'

const format = createJsonFormat(defaultRecordLimits)
const now = new RecordingIntake().now

test('a value that is null, an array or an object is refused', () => {
  for (const value of ['null', '[1]', '{"a":1}']) {
    assert.deepEqual(refusalOf(format, `{"v":${value}}`), { code: 'invalid-value', field: 'v' })
    assert.deepEqual(refusalOf(format, `{"value":${value}}`), { code: 'invalid-value', field: 'value' })
    assert.deepEqual(refusalOf(format, `{"SerialNumber":"a","Value":${value}}`), {
      code: 'invalid-value',
      field: 'Value',
    })
  }
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
      [6, 'undecodable', undefined, ','],
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
  assert.deepEqual(rowsOf(format, ' [ ] '), [])
})

test('the letter of an array that is cut off holds what arrived of the element', () => {
  for (const [payload, bytes] of [
    ['[{"v":1},{"v":2,"ts":17', '{"v":2,"ts":17'],
    ['[{"v":1},{"v":2,"q":"go', '{"v":2,"q":"go'],
    ['[{"v":1}, ', ', '],
    ['[', '['],
    ['[\n', '[\n'],
    ['[,', '['],
  ] as const) {
    const [refusal] = decodeInto(format, payload, onPump()).refusals
    assert.equal(payload.slice(refusal?.from, refusal?.to), bytes, payload)
  }
})

test('an array of nothing but commas ends in a bounded number of refusals', () => {
  const { refusals } = decodeInto(format, `[${','.repeat(1_000_000)}]`, onPump())
  assert.ok(refusals.length < 10_100)
  assert.match(refusals.at(-1)?.reason ?? '', /so is the rest/)
})

test('an object without any value is refused', () => {
  for (const payload of ['{}', '{"ts":1705314600}', '{"a":null}', '{"a":[1]}', '{"token":"x"}'])
    assert.deepEqual(refusalOf(format, payload), { code: 'missing-field', field: undefined }, payload)
})

test('what is missing is told with an example, and with where this door looks for a device', () => {
  for (const [path, payload, reason] of [
    ['', '{"x":1}', 'device: neither the record ("device": "pump1") nor the query ?device=pump1 names one'],
    ['a', '{"x":1}', 'device: neither the record ("device": "pump1") nor the topic names one'],
    ['', '7', /^a value alone needs a topic .* else send \{"device": "pump1", "temperature": 25\.5\}$/],
    ['', '{"device":"a"}', 'the record holds no value, such as "temperature": 25.5'],
  ] as const) {
    const { refusals } = decodeInto(format, payload, createRoute(path, undefined, undefined))
    assert.match(
      refusals[0]?.reason ?? '',
      typeof reason === 'string' ? new RegExp(RegExp.escape(reason)) : reason,
    )
  }
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
    '-9999999999999999999',
  ])
    assert.deepEqual(
      refusalOf(format, `{"value":1,"timestamp":${time}}`),
      { code: 'invalid-time', field: 'timestamp' },
      time,
    )
  const hour = now / 1000 + 3_600_000
  assert.deepEqual(rowsOf(format, `{"v":1,"ts":${hour}}`), [['pump1', 'temp', 1, hour * 1000, 192, 0]])
  assert.deepEqual(refusalOf(format, `{"v":1,"ts":${hour + 1}}`), { code: 'invalid-time', field: 'ts' })
})

test('the reason of a wrong time names what this form expects', () => {
  const reasonOf = (payload: string) => decodeInto(format, payload, onPump()).refusals[0]?.reason
  assert.equal(
    reasonOf('{"v":1,"ts":1705314600123456}'),
    'ts: neither ms since 1970 in range nor RFC 3339 with a zone',
  )
  assert.equal(
    reasonOf('{"id":"t1","latitude":1,"timestamp":1705314600123}'),
    'timestamp: neither seconds since 1970 in range nor RFC 3339 with a zone',
  )
  for (const payload of [
    '{"value":1,"timestamp":"2024-01-15T10:30:00"}',
    '{"v":1,"timestamp":true}',
    '{"a":1,"ts":""}',
    '{"SerialNumber":"a","Timestamp":1e300,"Value":1}',
  ])
    assert.match(
      reasonOf(payload) ?? '',
      /: neither seconds, ms, µs or ns since 1970 in range nor RFC/,
      payload,
    )
})

test('numbers that would change are refused: beyond 2^53, beyond a double', () => {
  assert.deepEqual(rowsOf(format, '{"v":9007199254740992,"ts":1}')[0], [
    'pump1',
    'temp',
    2 ** 53,
    1000,
    192,
    0,
  ])
  for (const value of ['9007199254740993', '-9007199254740993', '1e400', '-1e400', '1'.repeat(60_000)])
    assert.deepEqual(refusalOf(format, `{"v":${value}}`), { code: 'invalid-value', field: 'v' })
  assert.equal(refusalOf(format, '1705314600123456789').code, 'invalid-value')
  assert.deepEqual(rowsOf(format, '{"v":1e300,"ts":1}')[0], ['pump1', 'temp', 1e300, 1000, 192, 0])
  assert.deepEqual(rowsOf(format, '{"v":-0,"ts":1}')[0], ['pump1', 'temp', -0, 1000, 192, 0])
})

test('an integer beyond 2^53 is refused in every spelling that its double does not print', () => {
  for (const spelling of [
    ...['9007199254740993.0', '9007199254740993e0', '90071992547409930e-1', '-9.007199254740993E+15'],
    ...['9007199254740991e1', '12345678901234567890.0', '9007199254740993000e-3', '9007199254740994'],
    ...[`${'1'.repeat(200)}.0`, `1${'0'.repeat(150)}1e5`],
  ]) {
    for (const path of ['scan', 'parse'] as const) {
      const either = createJsonFormat(defaultRecordLimits, path)
      const refusal = { code: 'invalid-value', field: 'v' }
      assert.deepEqual(refusalOf(either, `{"v":${spelling}}`), refusal, `${path} ${spelling}`)
    }
  }
})

test('doubles in print are taken beyond 2^53 too: short, with 17 digits, with all digits', () => {
  const doubles = [2 ** 53, 2 ** 53 + 2, 2 ** 60, 1e22, 1e23, 2 ** 77 + 2 ** 30, 1e300, Number.MAX_VALUE]
  const spellings = doubles.flatMap((value) => [
    value.toExponential(),
    value.toExponential(16),
    `${BigInt(value)}.000000`,
  ])
  for (const spelling of [...spellings, '9007199254740994.0', '1152921504606846976.0', '1e0022'])
    for (const path of ['scan', 'parse'] as const) {
      const [row] = rowsOf(createJsonFormat(defaultRecordLimits, path), `{"v":${spelling},"ts":1}`)
      assert.equal(row?.[2], Number(spelling), `${path} ${spelling}`)
    }
  // A fraction is rounded, whatever its size.
  assert.equal(rowsOf(format, '{"v":9007199254740993.5,"ts":1}')[0]?.[2], 2 ** 53 + 2)
})

test('where a series is declared text, integers keep all their digits', () => {
  const intake = new RecordingIntake({ declared: { 'pump1 temp': 'text' } })
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
    '{"v":1.2.3}',
    '{"v":01}',
    '{"v":1.}',
    '1.2.3',
    '{"v":1}{"v":2}',
    '\ufeff{"v":1}',
    "{'v':1}",
  ])
    assert.equal(refusalOf(format, payload).code, 'undecodable', payload)
  for (const place of ['"v":1,"u":"\xff"', '"v":"\xff"', '"v":1,"token":"\xff"', '"v":1,"\xff":2']) {
    const bytes = Buffer.from(`{${place}}`, 'latin1')
    assert.equal(refusalOf(format, bytes).code, 'undecodable', place)
  }
  const { refusals } = decodeInto(format, '{"token":"secret", nonsense', onPump())
  assert.doesNotMatch(refusals[0]?.reason ?? '', /secret/)
})

test('a declared kind is asked for each kind of value that comes', () => {
  for (const [route, payload] of [
    [topic('m1', undefined), (value: string) => `{"a":${value}}`],
    [topic(undefined, undefined), (value: string) => `{"device":"m1","metric":"a","value":${value}}`],
    [topic('m1', 'a'), (value: string) => `{"v":${value}}`],
  ] as const) {
    const intake = new RecordingIntake({ declared: { 'm1 a': 'text' } })
    for (let i = 0; i < 2; i++) {
      assert.equal(decodeInto(format, payload('"on"'), route, intake).rows.length, 1)
      assert.equal(decodeInto(format, payload('1.5'), route, intake).refusals[0]?.code, 'wrong-kind')
    }
  }
})

test('invalid UTF-8 is refused also in what the scanner steps over', () => {
  const route = topic('m1', undefined)
  const intake = new RecordingIntake()
  const payload = (token: string): Buffer =>
    Buffer.from(`{"id":"d","latitude":1,"timestamp":1,"token":"${token}"}`, 'latin1')
  assert.equal(decodeInto(format, payload('ok'), route, intake).rows.length, 1)
  assert.equal(decodeInto(format, payload('\xff'), route, intake).refusals[0]?.code, 'undecodable')
})

test('U+0000 and lone surrogates are refused wherever they stand, by the name of the member', () => {
  const deep = `{${'"a":{'.repeat(9)}"b":1${'}'.repeat(10)}`
  for (const [payload, code, field, reason] of [
    ['{"v":"a\\u0000b"}', 'invalid-value', 'v', 'v: the text holds U+0000'],
    ['{"v":"\\ud800"}', 'invalid-value', 'v', 'v: the text holds half a surrogate pair'],
    ['"\\ud800"', 'invalid-value', undefined, 'the text holds half a surrogate pair'],
    ['{"v":1,"u":"\\u0000"}', 'invalid-value', 'u', 'u: the text holds U+0000'],
    ['{"v":1,"more":["\\udc00"]}', 'invalid-value', 'more', 'more: the text holds half a surrogate pair'],
    ['{"v":1,"a\\u0000b":1}', 'invalid-name', undefined, 'the name of the member "a\\u0000b" holds U+0000'],
    [
      '{"a":{"\\udc00":1}}',
      'invalid-name',
      'a',
      'a: the name of the member "\\udc00" holds half a surrogate pair',
    ],
    ['{"a":{"b":"\\u0000"}}', 'invalid-value', 'a.b', 'a.b: the text holds U+0000'],
    [deep, 'invalid-value', 'a.a.a.a.a.a.a.a.a', 'a.a.a.a.a.a.a.a.a: the record is nested too deep'],
  ] as const) {
    const { refusals } = decodeInto(format, payload, onPump())
    assert.deepEqual(
      refusals.map((refusal) => [refusal.code, refusal.field, refusal.reason]),
      [[code, field, reason]],
      payload,
    )
  }
})

test('a member with an endless name does not make an endless reason', () => {
  const { refusals } = decodeInto(format, `{"${'n'.repeat(60_000)}":"\\u0000"}`, onPump())
  assert.ok((refusals[0]?.reason.length ?? 0) < 300)
})

test('NaN, Infinity and other words that JSON does not have are told as such', () => {
  for (const payload of ['NaN', 'Infinity', '-Infinity', '{"v":NaN}', '{"v": -Infinity}', '[{"v":Infinity}]'])
    assert.equal(
      decodeInto(format, payload, onPump()).refusals[0]?.reason,
      'not JSON: it knows no NaN and no Infinity',
      payload,
    )
  for (const [payload, reason] of [
    ['undefined', 'it knows no such word'],
    ['Nothing', 'unexpected N'],
    ['{"v":"NaN", nonsense', 'wrong at character 12'],
    ['{"v":"NaN"', 'wrong at character 10'],
    ['', 'nothing stands here'],
  ] as const)
    assert.match(decodeInto(format, payload, onPump()).refusals[0]?.reason ?? '', new RegExp(`${reason}$`))
})

test('a name with a quote is not taken for a serial number', () => {
  const route = topic('m1', undefined)
  const intake = new RecordingIntake()
  const sample = '{"SerialNumber":"AAD-1","Timestamp":1,"Value":7}'
  assert.equal(decodeInto(format, '{"\\"AAD-1":1}', route, intake).rows[0]?.metric, '"AAD-1')
  for (let i = 0; i < 2; i++) {
    assert.equal(decodeInto(format, sample, route, intake).rows[0]?.device, 'AAD-1')
    assert.equal(decodeInto(format, '{"\\"AAD-1":1}', route, intake).rows[0]?.metric, '"AAD-1')
  }
})

test('a member without a name is refused, also where the topic’s own value is a text', () => {
  const route = onPump()
  const intake = new RecordingIntake()
  assert.equal(decodeInto(format, '{"v":"open"}', route, intake).rows.length, 1)
  assert.equal(decodeInto(format, '{"":"open"}', route, intake).refusals[0]?.code, 'invalid-name')
})

test('limits: text, names, nesting, payload, element and array', () => {
  assert.equal(rowsOf(format, `{"v":"${'é'.repeat(2048)}"}`).length, 1)
  assert.deepEqual(refusalOf(format, `{"v":"${'é'.repeat(2048)}x"}`), { code: 'invalid-value', field: 'v' })
  assert.deepEqual(refusalOf(format, `{"v":1,"tag_id":"${'x'.repeat(1025)}"}`), {
    code: 'invalid-name',
    field: 'tag_id',
  })
  const nested = (depth: number): string => `${'{"a":'.repeat(depth + 1)}1${'}'.repeat(depth + 1)}`
  assert.equal(rowsOf(format, nested(8)).length, 1)
  assert.equal(refusalOf(format, nested(9)).code, 'invalid-value')
  assert.equal(refusalOf(format, '{"a":'.repeat(13_000)).code, 'undecodable')
  assert.equal(refusalOf(format, `${'['.repeat(30_000)}${']'.repeat(30_000)}`).code, 'invalid-value')

  const padded = (size: number): string => `{"v":1,"ts":1${' '.repeat(size - 14)}}`
  assert.equal(rowsOf(format, padded(65_536)).length, 1)
  assert.equal(refusalOf(format, padded(65_537)).code, 'too-large')
  assert.equal(rowsOf(format, `[${padded(65_536)},${padded(65_536)}]`).length, 2)
  const intake = new RecordingIntake()
  const { rows, refusals } = decodeInto(format, `[{"v":1},${padded(65_537)},{"v":3}]`, onPump(), intake)
  assert.deepEqual([rows.length, refusals[0]?.code, refusals[0]?.index], [2, 'too-large', 1])
  assert.equal(refusalOf(format, `[{"v":1}${' '.repeat(4 * 1024 * 1024)}]`).code, 'too-large')
})

test('a series that the intake refuses refuses the whole record and nothing else', () => {
  const intake = new RecordingIntake({ series: 2 })
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
