import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { chooseResolution, stepFor, stepName } from './resolution.ts'

const hour = 3_600_000

test('a series is drawn row by row while two rows share a pixel at most, else in buckets', () => {
  assert.deepEqual(chooseResolution(hour, 900, undefined), { kind: 'raw', limit: 1800 })
  assert.deepEqual(chooseResolution(hour, 900, 0.0005), { kind: 'raw', limit: 1800 })
  assert.deepEqual(chooseResolution(hour, 900, 0.001), { kind: 'buckets', stepMs: 10_000 })
})

test('zooming into a dense series comes down to its rows', () => {
  const rowsPerMs = 0.1
  assert.equal(chooseResolution(24 * hour, 900, rowsPerMs).kind, 'buckets')
  assert.equal(chooseResolution(10_000, 900, rowsPerMs).kind, 'raw')
})

test('a step gives a bucket for every two pixels at most, and not far fewer', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1000, max: 90 * 24 * hour, noNaN: true }),
      fc.integer({ min: 200, max: 3000 }),
      (range, width) => {
        const buckets = range / stepFor(range, width)
        assert.ok(buckets <= width / 2 + 1e-6)
        assert.ok(
          buckets >= width / 2 / 5 || stepFor(range, width) === 1,
          `${buckets} buckets for ${width} px`,
        )
      },
    ),
  )
})

test('a step is named in its largest whole unit', () => {
  assert.deepEqual([250, 15_000, 300_000, hour, 7 * 24 * hour].map(stepName), [
    '250ms',
    '15s',
    '5m',
    '1h',
    '7d',
  ])
})
