import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { textColumn } from '../../core/text-column.ts'
import { fitting } from './joiner.ts'

test('as many rows fit as have room in every column, and at least one', () => {
  const lengths = fc.array(fc.nat(20), { minLength: 1, maxLength: 40 })
  const property = fc.property(
    fc.array(lengths, { minLength: 1, maxLength: 2 }),
    fc.nat(),
    fc.nat(),
    fc.integer({ min: -5, max: 200 }),
    (columns, fromSeed, toSeed, bytes) => {
      const rows = Math.min(...columns.map(({ length }) => length))
      const from = fromSeed % rows
      const to = from + 1 + (toSeed % (rows - from))
      const texts = columns.map((all) => textColumn(all.map((length) => 'x'.repeat(length))))
      const sumTo = (end: number) =>
        Math.max(...columns.map((all) => all.slice(from, end).reduce((sum, length) => sum + length, 0)))
      const end = fitting([undefined, ...texts], from, to, bytes)
      assert.ok(end > from && end <= to)
      assert.ok(end === from + 1 || sumTo(end) <= bytes)
      assert.ok(end === to || sumTo(end + 1) > bytes)
    },
  )
  fc.assert(property, { numRuns: 1000 })
})
