import assert from 'node:assert/strict'
import test from 'node:test'
import { LatencyWatch } from './latency-watch.ts'

test('a sink that passes marks tells how old each is, once', () => {
  const watch = new LatencyWatch(['main', 'other'])
  watch.committed(10n, 100)
  watch.committed(20n, 110)
  watch.committed(30n, 120)
  assert.equal(watch.lagMs('main', 130), 30)
  assert.deepEqual(watch.passed('main', 9n, 130), [])
  assert.deepEqual(watch.passed('main', 20n, 130), [30, 20])
  assert.deepEqual(watch.passed('main', 20n, 131), [])
  assert.equal(watch.lagMs('main', 140), 20)
  assert.deepEqual(watch.passed('main', 99n, 150), [30])
  assert.equal(watch.lagMs('main', 160), 0)
  assert.deepEqual(watch.passed('other', 99n, 150), [50, 40, 30])
  assert.deepEqual(watch.passed('unknown', 99n, 150), [])
})

test('commits that follow each other closely share a mark', () => {
  const watch = new LatencyWatch(['main'])
  for (let i = 0; i < 1_000; i++) watch.committed(BigInt(i), i / 1_000)
  assert.deepEqual(watch.passed('main', 998n, 10), [])
  assert.equal(watch.lagMs('main', 10), 10)
  assert.deepEqual(watch.passed('main', 999n, 10), [10])
})

test('a sink that is away for long is still told from its oldest mark on, in bounded memory', () => {
  const watch = new LatencyWatch(['main'])
  for (let i = 0; i < 100_000; i++) watch.committed(BigInt(i), i * 10)
  assert.equal(watch.lagMs('main', 1_000_000), 1_000_000)
  const passed = watch.passed('main', 100_000n, 1_000_000)
  assert.ok(passed.length > 100 && passed.length <= 1_024, String(passed.length))
  assert.equal(passed[0], 1_000_000)
})
