import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { gapThreshold, lonePoints, Trace } from './trace.ts'

test('history and live rows make one line, whatever order and overlap they come in', () => {
  const row = fc.record({
    time: fc.integer({ min: 0, max: 200 }),
    value: fc.integer({ min: -9, max: 9 }),
    quality: fc.constant(192),
  })
  fc.assert(
    fc.property(fc.array(row), fc.array(row), (history, live) => {
      const trace = new Trace(0)
      trace.addRows(history)
      trace.addRows(live)
      const expected = new Map<number, { last: number; low: number; high: number }>()
      for (const { time, value } of [...history, ...live]) {
        const { low, high } = expected.get(time) ?? { low: value, high: value }
        expected.set(time, { last: value, low: Math.min(low, value), high: Math.max(high, value) })
      }
      const { time, mid, low, high } = trace.columns()
      const drawn = time.flatMap((at, i) =>
        mid[i] === null ? [] : [[at, { last: mid[i], low: low[i], high: high[i] }]],
      )
      assert.deepEqual(
        drawn,
        [...expected].sort(([a], [b]) => a - b),
      )

      // What is shown does not change by rows that come again.
      trace.addRows(live)
      assert.deepEqual(trace.columns().low, low)
      assert.deepEqual(trace.columns().high, high)
    }),
  )
})

test('live rows fill the bucket that history began', () => {
  const trace = new Trace(1000)
  trace.addBuckets([
    { metric: 'm', time: 0, avg: 2, min: 1, max: 3, count: 2, worstQuality: 0 },
    { metric: 'm', time: 1000, avg: 4, min: 4, max: 4, count: 1, worstQuality: 192 },
  ])
  trace.addRows([
    { time: 1500, value: 8, quality: 64 },
    { time: 2100, value: 5, quality: 192 },
  ])
  assert.deepEqual(trace.columns(), {
    time: [500, 1500, 2500],
    mid: [2, 6, 5],
    low: [1, 4, 5],
    high: [3, 8, 5],
    quality: [0, 64, 192],
    gaps: [],
  })
})

test('buckets without a number and text values draw nothing', () => {
  const trace = new Trace(1000)
  trace.addBuckets([
    { metric: 'm', time: 0, avg: undefined, min: undefined, max: undefined, count: 3, worstQuality: 0 },
  ])
  trace.addRows([{ time: 10, value: 'open', quality: 192 }])
  assert.equal(trace.length, 0)
})

test('the line breaks where data is missing, and only there', () => {
  const trace = new Trace(0)
  for (let i = 0; i < 20; i++) trace.addRows([{ time: i * 1000, value: i, quality: 192 }])
  for (let i = 60; i < 80; i++) trace.addRows([{ time: i * 1000, value: i, quality: 192 }])
  const { gaps, mid, time } = trace.columns()
  assert.deepEqual(gaps, [{ from: 19_000, to: 60_000 }])
  assert.equal(time[20], 39_500)
  assert.equal(mid.filter((value) => value === null).length, 1)
})

test('data that stopped before the end is missing up to the end', () => {
  const trace = new Trace(0)
  for (let i = 0; i < 20; i++) trace.addRows([{ time: i * 1000, value: i, quality: 192 }])
  assert.deepEqual(trace.columns(60_000).gaps, [{ from: 19_000, to: 60_000 }])
  assert.deepEqual(trace.columns(20_000).gaps, [])
})

test('a point between two gaps stands alone', () => {
  const trace = new Trace(0)
  for (const time of [0, 1, 2, 3, 4, 50, 100, 101].map((n) => n * 1000))
    trace.addRows([{ time, value: 1, quality: 192 }])
  const { time, ...columns } = trace.columns()
  assert.deepEqual(
    lonePoints(columns).map((i) => time[i]),
    [50_000],
  )
  assert.deepEqual(lonePoints({ mid: [7] }), [0])
})

test('a series that reports seldom is not torn apart', () => {
  assert.equal(gapThreshold([0, 60_000, 130_000, 180_000, 260_000], 10_000) > 70_000, true)
  assert.equal(gapThreshold([0, 1000], 0), Infinity)
})

test('points that have left the window are forgotten, but for the one the line comes in from', () => {
  const trace = new Trace(0)
  for (let i = 0; i < 500; i++) trace.addRows([{ time: i, value: i, quality: 192 }])
  trace.prune(400)
  assert.equal(trace.columns().time[0], 399)
  assert.equal(trace.length, 101)
})
