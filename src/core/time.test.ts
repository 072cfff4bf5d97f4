import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { maxMicros } from './limits.ts'
import { numberToMicros, parseRfc3339 } from './time.ts'

test('RFC 3339 is read to the microsecond, with offsets', () => {
  assert.equal(parseRfc3339('1970-01-01T00:00:00Z'), 0)
  assert.equal(parseRfc3339('2024-01-15T10:30:00Z'), 1_705_314_600_000_000)
  assert.equal(parseRfc3339('2024-01-15T12:30:00+02:00'), 1_705_314_600_000_000)
  assert.equal(parseRfc3339('2024-01-15 05:00:00.5-05:30'), 1_705_314_600_500_000)
  assert.equal(parseRfc3339('2024-01-15t10:30:00.1234z'), 1_705_314_600_123_400)
})

test('what stands below a microsecond is cut off, however many digits it has', () => {
  assert.equal(parseRfc3339('2025-12-26T10:00:00.123456789Z'), 1_766_743_200_123_456)
  assert.equal(parseRfc3339('2025-12-26T10:00:00.123456999999999999Z'), 1_766_743_200_123_456)
  assert.equal(parseRfc3339('1969-12-31T23:59:59.9999999Z'), -1)
})

test('a leap second is the first second of the next minute', () => {
  assert.equal(parseRfc3339('2016-12-31T23:59:60Z'), parseRfc3339('2017-01-01T00:00:00Z'))
})

test('what is no RFC 3339 time is no time', () => {
  const wrong = [
    '',
    'now',
    '2024-01-15T10:30:00', // no zone
    '2024-01-15T10:30Z',
    '2024-02-30T10:30:00Z',
    '2023-02-29T10:30:00Z',
    '2100-02-29T10:30:00Z',
    '2024-00-10T10:30:00Z',
    '2024-13-10T10:30:00Z',
    '2024-01-00T10:30:00Z',
    '2024-01-15T24:00:00Z',
    '2024-01-15T10:60:00Z',
    '2024-01-15T10:30:61Z',
    '2024-01-15T10:30:00.Z',
    '2024-01-15T10:30:00ZZ',
    '2024-01-15T10:30:00+2:00',
    '2024-01-15T10:30:00+24:00',
    '2024-01-15T10:30:00+02:60',
    '2024-01-15T10:30:00+02:00Z',
    '20a4-01-15T10:30:00Z',
    '99a4-01-15T10:30:00Z',
    '2024-01-15_10:30:00Z',
    '0001-01-01T00:00:00Z', // before what is kept exactly
    '9999-12-31T00:00:00Z', // after it
  ]
  for (const text of wrong) assert.ok(Number.isNaN(parseRfc3339(text)), text)
})

test('every date and time agrees with the engine', () => {
  const range = { min: -maxMicros / 1e3, max: maxMicros / 1e3 }
  fc.assert(
    fc.property(
      fc.integer({ min: Math.ceil(range.min), max: Math.floor(range.max) }),
      fc.integer({ min: 0, max: 999 }),
      fc.integer({ min: -1439, max: 1439 }),
      (ms, us, offset) => {
        const local = new Date(ms + offset * 60_000).toISOString()
        const size = Math.abs(offset)
        const zone = `${offset < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
        const text = `${local.slice(0, -1)}${String(us).padStart(3, '0')}${zone}`
        const expected = ms * 1000 + us
        const read = parseRfc3339(text)
        assert.equal(
          Number.isNaN(read) ? 'not kept' : read,
          expected > maxMicros ? 'not kept' : expected,
          text,
        )
      },
    ),
  )
})

test('a bare number is guessed by its magnitude only where no unit is named', () => {
  assert.equal(numberToMicros(1_705_314_600, 'guess'), 1_705_314_600_000_000)
  assert.equal(numberToMicros(1_705_314_600_123, 'guess'), 1_705_314_600_123_000)
  assert.equal(numberToMicros(1_705_314_600_123_456, 'guess'), 1_705_314_600_123_456)
  assert.equal(numberToMicros(1_705_314_600_123_456_000, 'guess'), 1_705_314_600_123_456)
  assert.equal(numberToMicros(99_999_999_999, 'guess'), Number.NaN, 'still seconds, and too far away')
  assert.equal(numberToMicros(1e11, 'guess'), 1e14)
  assert.equal(numberToMicros(1e14, 'guess'), 1e14)
  assert.equal(numberToMicros(1_705_314_600, 'ms'), 1_705_314_600_000)
  assert.equal(numberToMicros(1_705_314_600.25, 's'), 1_705_314_600_250_000)
  assert.equal(numberToMicros(1_705_314_600.123_456, 's'), 1_705_314_600_123_456)
  assert.equal(numberToMicros(1_705_314_600_000.5, 'ms'), 1_705_314_600_000_500)
  assert.equal(numberToMicros(1e300, 'ms'), Number.NaN)
})

const pad = (value: number): string => String(value).padStart(2, '0')
