import assert from 'node:assert/strict'
import test from 'node:test'
import { type Baseline, compareWithBaseline, recordInBaseline } from './baseline.ts'

const baseline: Baseline = { tolerance: 0.1, benches: { a: { referenceRatio: 0.9, sizeRatio: 2 } } }

test('a ratio within the tolerance holds, one below it fails with its numbers', () => {
  assert.deepEqual(compareWithBaseline('a', { referenceRatio: 0.82, sizeRatio: 5 }, baseline), [])
  assert.deepEqual(compareWithBaseline('a', { referenceRatio: 0.8, sizeRatio: 2 }, baseline), [
    'a: referenceRatio is 0.8, below 0.81 (0.9 less 10 %)',
  ])
})

test('a ratio that is missing or no number fails, and so does a bench that was never recorded', () => {
  assert.deepEqual(compareWithBaseline('a', { referenceRatio: Number.NaN, sizeRatio: '2' }, baseline), [
    'a: referenceRatio is NaN, below 0.81 (0.9 less 10 %)',
    'a gave no sizeRatio, the baseline has 2',
  ])
  assert.equal(compareWithBaseline('b', { referenceRatio: 1 }, baseline).length, 1)
})

test('recording keeps the other benches and refuses a result without ratios', () => {
  const recorded = recordInBaseline('b', { referenceRatio: 0.98765, ratePerSecond: 3 }, baseline)
  assert.deepEqual(recorded.benches, { ...baseline.benches, b: { referenceRatio: 0.988 } })
  assert.throws(() => recordInBaseline('b', { ratePerSecond: 3 }, baseline), /no ratio/)
})
