import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { formatQuantity, parseQuantity, type Unit, unitOf } from './quantity.ts'

test('the last word of a key says what its number counts', () => {
  assert.equal(unitOf('maxBytes'), 'bytes')
  assert.equal(unitOf('bytes'), 'bytes')
  assert.equal(unitOf('retentionDays'), 'days')
  assert.equal(unitOf('items'), undefined)
  assert.equal(unitOf('params'), undefined)
  assert.equal(unitOf('maxRows'), undefined)
})

test('sizes are decimal or binary as their unit says', () => {
  assert.equal(parseQuantity('20 GB', 'bytes'), 20e9)
  assert.equal(parseQuantity('64KiB', 'bytes'), 65_536)
  assert.equal(parseQuantity('1.5 mib', 'bytes'), 1.5 * 2 ** 20)
  assert.equal(parseQuantity('12', 'bytes'), 12)
})

test('times are turned into the unit of their key', () => {
  assert.equal(parseQuantity('36h', 'days'), 1.5)
  assert.equal(parseQuantity('7d', 'days'), 7)
  assert.equal(parseQuantity('1.5s', 'ms'), 1500)
  assert.equal(parseQuantity('2m', 'seconds'), 120)
  assert.equal(parseQuantity('500ms', 'micros'), 500_000)
  assert.equal(parseQuantity('3', 'ms'), 3)
})

test('what is no quantity, or one of another kind, is none', () => {
  for (const text of [
    '',
    'GB',
    '-1 GB',
    '1 GB 2',
    '1 constructor',
    '1 __proto__',
    '0x10',
    'NaN',
    '1 h',
    '1,5 GB',
  ])
    assert.equal(parseQuantity(text, 'bytes'), undefined, text)
  assert.equal(parseQuantity('1 GB', 'ms'), undefined)
})

test('a quantity written out is read back as the same number', () => {
  const units: Unit[] = ['bytes', 'micros', 'ms', 'seconds', 'days']
  fc.assert(
    fc.property(
      fc.nat(),
      fc.constantFrom(1, 1000, 1024, 60, 3_600_000),
      fc.constantFrom(...units),
      (n, by, unit) => {
        assert.equal(parseQuantity(formatQuantity(n * by, unit), unit), n * by)
      },
    ),
  )
  assert.equal(formatQuantity(65_536, 'bytes'), '64 KiB')
  assert.equal(formatQuantity(20e9, 'bytes'), '20 GB')
  assert.equal(formatQuantity(4 * 2 ** 20 + 2048, 'bytes'), '4098 KiB')
  assert.equal(formatQuantity(3_600_000_000, 'micros'), '1h')
  assert.equal(formatQuantity(7, 'days'), '7d')
})
