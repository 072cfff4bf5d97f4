import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { textAt } from '../core/text-column.ts'
import { Columns } from './columns.ts'

test('rows go into shared memory as they are, and columns cleared are empty', () => {
  const columns = new Columns(4, true)
  columns.add(7, 1.5, -0, 192, 1)
  columns.add(8, 2.5, 3, 64, 0)
  const readings = columns.readings()
  assert.ok(readings.time.buffer instanceof SharedArrayBuffer)
  assert.equal(readings.length, 2)
  assert.deepEqual([...readings.series.subarray(0, 2)], [7, 8])
  assert.equal(readings.text, undefined)
  columns.clear()
  assert.equal(columns.readings().length, 0)
})

test('a mark of rows that have left already is an error and no garbage', () => {
  const columns = new Columns(4, true)
  columns.add(1, 1, 1, 1, 0)
  assert.throws(() => columns.rollback(2), RangeError)
})

test('texts and extras stay with their rows through growing and rolling back, however many there are', () => {
  const columns = new Columns(2, true)
  let own = columns
  for (let i = 0; i < 150_000; i++) {
    if (own.length === own.capacity) own = own.grown()
    own.add(i, i, i, 192, 2)
    own.text(`t${i}`)
    if (i % 3 === 0) own.extra(`{"i":${i}}`)
  }
  const readings = own.readings()
  assert.ok(!own.isShared)
  assert.equal(readings.time.length, 150_000, 'private columns are cut to length')
  for (const i of [0, 1, 2, 3, 131_071, 131_072, 149_999]) {
    assert.equal(readings.series[i], i)
    assert.equal(textAt(readings.text ?? assert.fail(), i), `t${i}`)
    assert.equal(textAt(readings.extra ?? assert.fail(), i), i % 3 === 0 ? `{"i":${i}}` : '')
  }
})

test('whatever is added and rolled back, what is left is what a list would hold', () => {
  const step = fc.oneof(
    fc.record({
      text: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
      extra: fc.option(fc.string(), { nil: undefined }),
    }),
    fc.record({ backTo: fc.double({ min: 0, max: 1, noNaN: true }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let columns = new Columns(2, true)
      const rows: { series: number; text: string | undefined; extra: string | undefined }[] = []
      steps.forEach((each, i) => {
        if ('backTo' in each) {
          const mark = Math.floor(each.backTo * rows.length)
          rows.length = mark
          columns.rollback(mark)
          return
        }
        if (columns.length === columns.capacity) columns = columns.grown()
        columns.add(i, i, i, i % 256, 0)
        if (each.text !== undefined) columns.text(each.text)
        if (each.extra !== undefined) columns.extra(each.extra)
        rows.push({ series: i, text: each.text, extra: each.extra })
      })
      const readings = columns.readings()
      assert.equal(readings.length, rows.length)
      assert.equal(
        readings.text !== undefined,
        rows.some(({ text }) => text !== undefined),
      )
      assert.equal(
        readings.extra !== undefined,
        rows.some(({ extra }) => extra !== undefined),
      )
      rows.forEach(({ series, text, extra }, i) => {
        assert.equal(readings.series[i], series)
        assert.equal(readings.time[i], series)
        if (readings.text) assert.equal(textAt(readings.text, i), text ?? '')
        if (readings.extra) assert.equal(textAt(readings.extra, i), extra ?? '')
      })
    }),
  )
})
