import assert from 'node:assert/strict'
import test from 'node:test'
import { bytesAt, textAt, textColumn } from './text-column.ts'

test('a column gives back texts and bytes as they were given, of any alphabet and any length', () => {
  const values = ['', 'a', '°C 漢字 😀', new Uint8Array([0xff, 0]), '', 'x'.repeat(70_000), 'é', '']
  const column = textColumn(values)
  assert.equal(column.offsets.length, values.length + 1)
  assert.equal(column.offsets.at(-1), column.bytes.length)
  for (const [i, value] of values.entries())
    if (typeof value === 'string') assert.equal(textAt(column, i), value)
    else assert.deepEqual([...bytesAt(column, i)], [...value])
})
