import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { FrequentNames } from './frequent-names.ts'

test('few names are counted exactly, the most frequent first', () => {
  const names = new FrequentNames(4)
  for (const name of ['a', 'b', 'b', 'c', 'b', 'a', 'd']) names.add(name, 1, 10)
  assert.deepEqual(names.top(2), [
    { name: 'b', count: 3, bytes: 30 },
    { name: 'a', count: 2, bytes: 20 },
  ])
})

test('of many names no count is too high, and none is too low by more than a part of all', () => {
  const name = fc.oneof({ weight: 1, arbitrary: fc.nat(5) }, { weight: 2, arbitrary: fc.nat(500) })
  fc.assert(
    fc.property(fc.array(name, { maxLength: 600, size: 'max' }), (given) => {
      const capacity = 32
      const names = new FrequentNames(capacity)
      const real = new Map<string, number>()
      for (const text of given.map(String)) {
        names.add(text, 1, 1)
        real.set(text, (real.get(text) ?? 0) + 1)
      }
      const counted = new Map(names.top(1000).map(({ name: text, count }) => [text, count]))
      assert.ok(counted.size <= capacity)
      for (const [text, count] of real) {
        const seen = counted.get(text) ?? 0
        assert.ok(
          seen <= count && seen >= count - given.length / (capacity / 2),
          `${text}: ${seen} of ${count}`,
        )
      }
    }),
  )
})
