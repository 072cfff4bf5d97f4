import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRoute } from '../../core/format.ts'
import { defaultRecordLimits } from '../../core/limits.ts'
import { decodeInto } from '../../../test/support/decode.ts'
import { RecordingIntake, type RecordingOptions } from '../../../test/support/recording-intake.ts'
import { createJsonFormat } from './json-format.ts'
import { knownNames } from './members.ts'

// The scanner must give what the parser gives: the same rows, refusals and series, whatever the payload and whatever was seen before it.

const limits = { ...defaultRecordLimits, payloadBytes: 400, batchBytes: 6000, textBytes: 40, topicBytes: 60 }
const now = Date.UTC(2026, 0, 15) * 1000
const encoder = new TextEncoder()

/** Integers about 2^53 and far beyond, with a point, an exponent or both: some a double holds, some it does not. */
const longSpelling = fc
  .tuple(
    fc.oneof(
      fc.bigInt({ min: 2n ** 53n - 20n, max: 2n ** 53n + 20n }),
      fc.bigInt({ min: 2n ** 53n - 20n, max: 10n ** 19n }),
      fc.double({ min: 2 ** 53, max: 1e25, noNaN: true }).map(BigInt),
      fc.constantFrom(10n ** 22n, 10n ** 23n, 2n ** 60n, 9007199254740991n * 10n),
    ),
    fc.constantFrom('', '-'),
    fc.constantFrom(
      '.0',
      '.000',
      'e0',
      'E+0',
      '0e-1',
      '000e-3',
      'e1',
      'E6',
      '.5',
      '0.0e-1',
      'shifted',
      'short',
    ),
  )
  .map(([integer, sign, end]) => {
    const digits = String(integer)
    if (end === 'shifted') return `${sign}${digits[0]}.${digits.slice(1)}e${digits.length - 1}`
    if (end === 'short') return sign + Number(integer).toExponential()
    return sign + digits + end
  })

// Calm texts: what senders send. A payload of them warms the caches, and most of them the scanner takes.
const calmNumber = fc.oneof(
  fc.integer({ min: -300, max: 300 }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }).map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.maxSafeInteger().map(String),
  fc.constantFrom('-0', '0.0', '1.50', '1e2', '2E-3', 'true', 'false'),
  longSpelling,
)
const calmValue = fc.oneof(
  { weight: 3, arbitrary: calmNumber },
  {
    weight: 1,
    arbitrary: fc.constantFrom('"on"', '"on"', '"läuft"', '""', `"${'x'.repeat(40)}"`, `"${'x'.repeat(41)}"`),
  },
)
const calmTime = fc.oneof(
  fc.integer({ min: 0, max: 1_700_000_000 }).map(String),
  fc.integer({ min: 1_600_000_000_000, max: 1_750_000_000_000 }).map(String),
  fc.bigInt({ min: 1_600_000_000_000_000n, max: 1_750_000_000_000_000n }).map(String),
  fc.bigInt({ min: 1_600_000_000_000_000_000n, max: 1_750_000_000_000_000_000n }).map(String),
  fc
    .tuple(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(now / 1000) }), fc.nat(999_999_999))
    .map(([date, more]) => `"${date.toISOString().slice(0, -1)}${more}Z"`),
  fc.constantFrom('"2025-12-26T10:00:00+02:00"', '0'),
)
const calmQuality = fc.constantFrom(
  '"good"',
  '"bad"',
  '"uncertain"',
  '"Good"',
  '192',
  '0',
  '-0',
  '255',
  '64.0',
)
const calmUnit = fc.constantFrom('"°C"', '"bar"', '"bar"')
const calmId = fc.constantFrom('"a"', '"a"', '"pump1"', '"Größe"')

// Wild texts: anything that might stand where a calm one does.
const digits = fc.array(fc.nat(9), { maxLength: 22, size: 'max' }).map((all) => all.join(''))
const exponents = ['', 'e', 'E-', 'e+', 'e2', 'E-7', 'e22', 'e-23', 'e308', 'e400', 'e00003', 'e-00003']
const wildWords = [
  ...['00', '01', '-', '1.', '.5', '1.e2', '0x1', 'NaN', 'tru', 'truth', 'falsey', 'null'],
  ...['"\\u0061"', '"\\u0000"', '"\\ud800"', '"a\\"b"', '"\\\\"', '"a\u0001b"', '"open', '"a\tb"', '""'],
  ...['"GOOD"', '"timeout"', '"°F"', '"2025-02-29T10:00:00Z"', '1705314600000000000', '99999999999999999'],
  ...['[]', '[1,2]', '{}', '{"a":1,"b":{"c":2}}', '{"token":"x","d":[{"token":1}]}'],
]
const wild = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('', '-', '+'),
      digits,
      fc.constantFrom('', '.'),
      digits,
      fc.constantFrom(...exponents),
    )
    .map((parts) => parts.join('')),
  fc.bigInt({ min: 2n ** 53n - 3n, max: 2n ** 53n + 3n }).map(String),
  fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
  fc.double().map(String),
  longSpelling,
  fc.string({ unit: 'grapheme', maxLength: 12 }).map((text) => JSON.stringify(text)),
  fc.string({ unit: 'binary', maxLength: 50 }).map((text) => JSON.stringify(text)),
  { weight: 3, arbitrary: fc.constantFrom(...wildWords) },
  calmNumber,
  calmTime,
  calmId,
)
const wildNames = [
  'a',
  'b',
  '7',
  '07',
  'Token',
  'password',
  '__proto__',
  'Temp°',
  '',
  '\\u0061',
  'a\\"b',
  '\\"AAD-1',
]
const anyName = fc.oneof(
  fc.constantFrom(...knownNames),
  fc.constantFrom(...wildNames),
  fc.string({ maxLength: 8 }).map((text) => JSON.stringify(text).slice(1, -1)),
)

type Member = readonly [name: string, value: string]
type Content = readonly Member[] | readonly (readonly Member[])[]

const member = (names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<Member> =>
  fc.tuple(fc.constantFrom(...names), value)
const maybe = (names: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<Member | undefined> =>
  fc.option(member(names, value), { nil: undefined })

/** An object of members in any order. */
const shape = (...members: fc.Arbitrary<Member | undefined>[]): fc.Arbitrary<readonly Member[]> =>
  fc.tuple(...members).chain((all) => {
    const given = all.filter((one) => one !== undefined)
    return fc.shuffledSubarray(given, { minLength: given.length })
  })

const ids = [maybe(['device_id', 'device', 'id'], calmId), maybe(['tag_id', 'metric'], calmId)]
const f1 = shape(
  member(['id'], calmId),
  ...['latitude', 'longitude', 'altitude', 'battery', 'speed', 'ts'].map((name) => maybe([name], calmNumber)),
  member(['timestamp'], fc.oneof(fc.nat(1_700_000_000).map(String), calmTime)),
  maybe(['token'], fc.constantFrom('"e.y.J"', '"ü"', '1')),
)
const f3 = shape(
  member(['SerialNumber'], fc.constantFrom('"AAD-1"', '"7"', '"Größe"', '"v"')),
  member(['Timestamp'], calmTime),
  member(['Value'], calmValue),
)
const single = shape(
  member(['v', 'value'], calmValue),
  maybe(['q', 'quality'], calmQuality),
  maybe(['u', 'unit'], calmUnit),
  maybe(['ts', 'timestamp', 'time'], calmTime),
  maybe(['source_ts', 'source_timestamp'], fc.oneof(calmTime, calmNumber)),
  maybe(['server_timestamp'], calmTime),
  maybe(['token'], fc.constantFrom('"e.y.J"', '"ü"')),
  ...ids,
)
const generic = shape(
  ...['a', 'b', 'c', 'temperature', 'Temp°'].map((name) => maybe([name], calmValue)),
  maybe(['ts', 'timestamp', 'time'], calmTime),
  maybe(['id', 'token', '7', 'x'], fc.oneof(calmNumber, calmId)),
  ...ids,
)
const record = fc.oneof(f1, f3, single, generic)
/** One record, or several for an array. */
const content: fc.Arbitrary<Content> = fc.oneof(
  { weight: 3, arbitrary: record },
  { weight: 1, arbitrary: fc.array(f3, { maxLength: 6 }) },
  { weight: 1, arbitrary: fc.array(record, { maxLength: 5 }) },
)

/** A change of one member: another value, another name, a copy behind all others, one more, white space. */
const change = fc.record({
  kind: fc.constantFrom('value', 'value', 'name', 'copy', 'more', 'space'),
  at: fc.nat(30),
  name: anyName,
  value: wild,
  space: fc.constantFrom(' ', '\n', '\t\r\n', '  ', '\u00a0', '\u0001'),
})
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function changed(members: readonly Member[], { kind, at, name, value, space }: Change): readonly Member[] {
  const place = at % Math.max(1, members.length)
  const old = members[place]
  if (kind === 'more' || old === undefined) return [...members, [name, value]]
  if (kind === 'copy') return [...members, [old[0], value]]
  if (kind === 'value') return members.with(place, [old[0], value])
  if (kind === 'name') return members.with(place, [name, old[1]])
  return members.with(place, [old[0], `${space}${old[1]}${space}`])
}

/** A change of bytes: another one, one less, one more, or none from there. */
const mutation = fc.record({
  kind: fc.constantFrom('change', 'take', 'put', 'cut'),
  at: fc.nat(400),
  byte: fc.oneof(fc.constantFrom(...encoder.encode('{}[]",:\\.-+eE0189 tfn')), fc.nat(255)),
})
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never

function mutated(bytes: Uint8Array, { kind, at, byte }: Mutation): Uint8Array {
  const place = at % (bytes.length + 1)
  if (kind === 'cut') return bytes.slice(0, place)
  const head = bytes.subarray(0, place)
  const rest = bytes.subarray(kind === 'put' ? place : place + 1)
  return Uint8Array.from(kind === 'take' ? [...head, ...rest] : [...head, byte, ...rest])
}

const isArray = (all: Content): all is readonly (readonly Member[])[] => typeof all[0]?.[0] !== 'string'

function written(all: Content): Uint8Array {
  const object = (members: readonly Member[]): string =>
    `{${members.map(([name, value]) => `"${name}":${value}`).join(',')}}`
  return encoder.encode(isArray(all) ? `[${all.map(object).join(',')}]` : object(all))
}

/** A calm payload, so that the caches know its names, and then copies of it with changes. */
const group = fc
  .tuple(
    content,
    fc.array(fc.array(change, { maxLength: 2 }), { maxLength: 3 }),
    fc.array(fc.array(mutation, { maxLength: 2 }), { maxLength: 2 }),
  )
  .map(([calm, changes, mutations]) => {
    const bytes = written(calm)
    const wilder = changes.map((some) => {
      const apply = (members: readonly Member[]): readonly Member[] => some.reduce(changed, members)
      return written(isArray(calm) ? calm.map(apply) : apply(calm))
    })
    return [bytes, ...wilder, ...mutations.map((some) => some.reduce(mutated, bytes)), bytes]
  })
const bare = fc.oneof(calmValue, wild).map((text) => [encoder.encode(text)])
const payloads = fc
  .array(fc.oneof({ weight: 6, arbitrary: group }, { weight: 1, arbitrary: bare }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((all) => all.flat())

const routes = fc.constantFrom<readonly [string | undefined, string | undefined]>(
  ['pump1', 'temp'],
  ['pump1', undefined],
  [undefined, undefined],
)

const options = fc.constantFrom<RecordingOptions>(
  { now },
  { now },
  { now, series: 4 },
  { now, declared: { 'pump1 temp': 'text', 'a a': 'number' } },
)

test('the scanner and the parser agree on every payload', () => {
  fc.assert(
    fc.property(payloads, routes, options, (all, [device, metric], intakeOptions) => {
      const sides = (['scan', 'parse'] as const).map((path) => {
        const format = createJsonFormat(limits, path)
        const route = createRoute('', device, metric)
        const intake = new RecordingIntake(intakeOptions)
        const refusals = all.map((bytes) => decodeInto(format, bytes, route, intake).refusals)
        return { rows: intake.rows, refusals, names: intake.names }
      })
      assert.deepEqual(sides[0], sides[1])
    }),
    { numRuns: Number(process.env['SLUICE_FUZZ_RUNS'] ?? 1500) },
  )
})

test('a payload cut off anywhere is judged alike', () => {
  const whole = [
    '{"v":25.5,"q":"good","u":"°C","ts":1705314600000,"source_ts":1705314600000}',
    '[{"SerialNumber":"AAD-1","Timestamp":"2025-12-26T10:00:00.123456789Z","Value":1.25},{"SerialNumber":"AAD-1","Timestamp":"2025-12-26T10:00:01Z","Value":-3e-7}]',
    ' {"id":"dev-1","latitude":55.7,"longitude":37.6,"altitude":120,"battery":88,"timestamp":1765400000,"token":"e.y.J"} ',
  ].map((text) => encoder.encode(text))
  for (const bytes of whole) {
    const sides = (['scan', 'parse'] as const).map((path) => {
      const format = createJsonFormat(limits, path)
      const route = createRoute('', 'pump1', 'temp')
      const intake = new RecordingIntake({ now })
      const results: unknown[] = [decodeInto(format, bytes, route, intake)]
      for (let end = 0; end <= bytes.length; end++)
        results.push(decodeInto(format, bytes.slice(0, end), route, intake))
      return results.map((result) => ({ ...(result as object), intake: undefined }))
    })
    assert.deepEqual(sides[0], sides[1])
  }
})

test('traps: each of these on a route that knows its names is judged alike', () => {
  const calm = [
    '{"v":1,"u":"bar"}',
    '{"v":"on"}',
    '{"a":1,"b":2,"id":3}',
    '{"a":"on"}',
    '{"id":"a","x":1}',
    '{"7":1,"timestamq":2}',
  ]
  const withIds = ['{"device_id":"a","tag_id":"a","v":1}', '{"device":"a","metric":"a","a":1,"b":1}']
  const traps = [
    ...[
      '{"v":1,"value":2}',
      '{"v":1,"q":"bad","quality":192}',
      '{"v":1,"u":"bar","unit":"C"}',
      '{"v":1,"v":2}',
    ],
    ...[
      '{"v":1,"ts":5,"timestamp":6}',
      '{"v":1,"timestamp":6,"time":7}',
      '{"a":1,"ts":5,"time":6}',
      '{"v":1,"ts":0}',
    ],
    ...['{"v":1,"ts":1705314600000000000}', '{"v":1,"timestamp":1705314600000000000}', '{"v":1,"ts":-0}'],
    ...[
      '{"v":1,"device_id":"a","device":"b","tag_id":"a"}',
      '{"v":1,"device_id":"a","tag_id":"a","metric":"b"}',
    ],
    ...[
      '{"v":1,"id":"a"}',
      '{"a":1,"a":2}',
      '{"a":1,"b":"on","a":3}',
      '{"id":"b","a":1}',
      '{"7":1,"a":2}',
      '{"":1}',
    ],
    ...[
      `{"v":"${'x'.repeat(41)}"}`,
      `{"a":"${'x'.repeat(41)}"}`,
      '{"v":1,"u":"\\u0062ar"}',
      '{"v":1,"q":-0}',
    ],
    ...[
      '{"v":1,"source_ts":1.0}',
      '{"v":1,"source_ts" : 1}',
      '{"v":1,"source_ts":-0,"server_timestamp":"x"}',
    ],
    ...[
      '{"v":1,"ts":9999999999999}',
      '{"a":1,"7":2}',
      '{"a":1,"timestamq":2}',
      '{"v":1,"q":"good","q":"bad"}',
      '{"v":1}x',
      '[{"v":1}x,{"v":2}]',
      `{"v":1${' '.repeat(400)}}`,
    ],
  ].map((text) => encoder.encode(text))
  traps.push(Buffer.from('{"v":1,"token":"\xff"}', 'latin1'), Buffer.from('{"a":1,"token":"\xff"}', 'latin1'))
  for (const [device, metric] of [
    ['a', 'a'],
    ['a', undefined],
    [undefined, undefined],
  ] as const) {
    const sides = (['scan', 'parse'] as const).map((path) => {
      const format = createJsonFormat(limits, path)
      const route = createRoute('', device, metric)
      const intake = new RecordingIntake({ now })
      for (const text of [...calm, ...withIds]) decodeInto(format, text, route, intake)
      return traps.map((bytes) => {
        const { rows, refusals } = decodeInto(format, bytes, route, intake)
        return [String(bytes), rows, refusals]
      })
    })
    assert.deepEqual(sides[0], sides[1])
  }
})
