import assert from 'node:assert/strict'
import test from 'node:test'
import { formatTable } from './table.ts'

test('columns are aligned, numbers to the right', () => {
  assert.equal(
    formatTable(
      ['name', 'n', 'unit'],
      [
        ['a', 1, '°C'],
        ['long', 100, ''],
      ],
    ),
    'NAME    N  UNIT\na       1  °C\nlong  100',
  )
})

test('one long name does not make every row wide', () => {
  const name = 'x'.repeat(1000)
  const [header = '', long, short = ''] = formatTable(
    ['device', 'value'],
    [
      [name, 1],
      ['short', 2],
    ],
  ).split('\n')
  assert.equal(long, `${name}      1`)
  assert.ok(header.length < 80 && header.length === short.length)
})

test('a name that a terminal would obey is one printable cell', () => {
  assert.equal(
    formatTable(['a', 'b'], [['x\x1b[2J\ny\x9b', 'z']]),
    `A${' '.repeat(24)}B\nx\\u001b[2J\\u000ay\\u009b  z`,
  )
})

test('a table may be long', () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [i])
  assert.equal(formatTable(['n'], rows).split('\n').length, 200_001)
})
