import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { formatBytes, formatCount, formatExact, formatRate, formatValue } from './number.ts'

const plain = (text: string) => text.replaceAll('\u202f', ' ')

test('a value is shown to five significant digits without trailing zeros', () => {
  const cases: [number, string][] = [
    [25.5, '25.5'],
    [0, '0'],
    [-0, '0'],
    [-3.25, '−3.25'],
    [1.0000001, '1'],
    [12.345678, '12.346'],
    [99999.6, '100 000'],
    [1234567, '1 234 567'],
    [2024, '2024'],
    [0.00123456, '0.0012346'],
    [0.0000123456, '1.235 × 10⁻⁵'],
    [-6.02e23, '−6.02 × 10²³'],
    [Number.NaN, 'no number'],
  ]
  for (const [value, expected] of cases) assert.equal(plain(formatValue(value)), expected, String(value))
})

test('a shown value is within half a unit of its fifth digit', () => {
  fc.assert(
    fc.property(fc.double({ min: -1e12, max: 1e12, noNaN: true }), (value) => {
      const text = plain(formatValue(value)).replaceAll(' ', '').replace('−', '-')
      if (text.includes('×')) return
      assert.ok(
        Math.abs(Number(text) - value) <= Math.max(Math.abs(value) * 5e-5, 1e-12),
        `${value}: ${text}`,
      )
    }),
  )
})

test('an exact value keeps every digit', () => {
  assert.equal(formatExact(0.1 + 0.2), '0.30000000000000004')
  assert.equal(formatExact(-1.5), '−1.5')
})

test('counts, rates and bytes are short and never show a false zero', () => {
  assert.equal(plain(formatCount(1204331)), '1 204 331')
  assert.equal(formatRate(0), '0')
  assert.equal(formatRate(0.4), '0.4')
  assert.equal(formatRate(50), '50')
  assert.equal(plain(formatRate(1204.4)), '1204')
  assert.equal(plain(formatRate(20481)), '20 481')
  assert.equal(plain(formatBytes(0)), '0 B')
  assert.equal(plain(formatBytes(999)), '999 B')
  assert.equal(plain(formatBytes(1000)), '1 kB')
  assert.equal(plain(formatBytes(999_600)), '1 MB')
  assert.equal(plain(formatBytes(312_400_000)), '312 MB')
  assert.equal(plain(formatBytes(2_500_000_000)), '2.5 GB')
})
