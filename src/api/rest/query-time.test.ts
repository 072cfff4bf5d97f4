import assert from 'node:assert/strict'
import test from 'node:test'
import { readDuration, readTime } from '../../core/given-time.ts'
import { millisText, rfc3339Text } from './query-time.ts'

const now = 1_800_000_000_000_000

test('a time in a query is ms, RFC 3339, now, or a duration before now', () => {
  const expected: readonly [string, number][] = [
    ['0', 0],
    ['-5', -5_000],
    ['-86400000.5', -86_400_000_500],
    ['1705314600000', 1_705_314_600_000_000],
    ['1705314600000.125', 1_705_314_600_000_125],
    ['2024-01-15T10:30:00Z', 1_705_314_600_000_000],
    ['2024-01-15T11:30:00.000001+01:00', 1_705_314_600_000_001],
    ['2024-01-15T11:30:00 01:00', 1_705_314_600_000_000],
    ['now', now],
    ['-1h', now - 3_600_000_000],
    ['-1.5s', now - 1_500_000],
    ['-15m', now - 900_000_000],
    ['-7d', now - 604_800_000_000],
    ['-2w', now - 1_209_600_000_000],
    ['-250ms', now - 250_000],
    ['-3us', now - 3],
  ]
  for (const [text, micros] of expected) assert.equal(readTime(text, now), micros, text)
})

test('before the earliest time that is kept everything is meant, from year 1 too; what is too late is a wrong unit', () => {
  for (const text of [
    '-62135596800000',
    '-9007199254741',
    '0001-01-01T00:00:00Z',
    '1600-01-01T00:00:00+01:00',
  ])
    assert.equal(readTime(text, now), -(2 ** 53), text)
  for (const text of ['1705314600123456', '9999-12-31T23:59:59Z', '0001-13-01T00:00:00Z', '0001-01-01'])
    assert.equal(readTime(text, now), undefined, text)
})

test('what is no time is none', () => {
  for (const text of [
    '',
    ' ',
    'yesterday',
    '1h',
    '+1h',
    '-',
    '-1y',
    '--1h',
    'NaN',
    '1e3',
    '0x10',
    '2024-01-15',
    '2024-13-01T00:00:00Z',
    '99999999999999999',
    '-999999999999w',
    'now-1h',
  ])
    assert.equal(readTime(text, now), undefined, text)
})

test('a duration has a unit or is ms, and is no shorter than a µs', () => {
  assert.deepEqual(
    ['1m', '500ms', '0.5s', '250', '1us', '1d'].map(readDuration),
    [60e6, 500e3, 500e3, 250e3, 1, 86_400e6],
  )
  for (const text of ['', '0', '0s', '-1s', '0.1us', '1y', 'm', '1 m', '1e3s', '999999999999999w'])
    assert.equal(readDuration(text), undefined, text)
})

test('times in answers keep their µs', () => {
  assert.equal(millisText(1_705_314_600_000_000), '1705314600000')
  assert.equal(millisText(1_705_314_600_000_123), '1705314600000.123')
  assert.equal(millisText(-1), '-0.001')
  assert.equal(rfc3339Text(1_705_314_600_000_000), '"2024-01-15T10:30:00.000Z"')
  assert.equal(rfc3339Text(1_705_314_600_123_045), '"2024-01-15T10:30:00.123045Z"')
  assert.equal(rfc3339Text(-1), '"1969-12-31T23:59:59.999999Z"')
  for (const micros of [0, 1, 999, 1_705_314_600_123_456, 9_007_199_254_740_992, -9_007_199_254_740_992]) {
    assert.equal(readTime(rfc3339Text(micros).slice(1, -1), now), micros)
    assert.ok(Math.abs((readTime(millisText(micros), now) ?? Number.NaN) - micros) <= 1)
  }
})
