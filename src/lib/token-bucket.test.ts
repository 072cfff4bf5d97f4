import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { TokenBucket } from './token-bucket.ts'

test('ten seconds’ worth can be spent at once, then only what each second brings', () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 5)
  for (let i = 0; i < 50; i++) assert.ok(bucket.take(1), `token ${i}`)
  assert.equal(bucket.take(1), false)
  clock.pass(1)
  assert.equal(bucket.take(6), false, 'what is not there is not lent')
  assert.ok(bucket.take(5), 'and a refusal costs nothing')
  assert.equal(bucket.take(1), false)
})

test('nobody saves more than ten seconds’ worth, and setting the system clock brings nothing', () => {
  const clock = new FakeClock()
  const bucket = new TokenBucket(clock, 5)
  clock.pass(3_600)
  assert.ok(bucket.take(50))
  clock.jump(3_600)
  assert.equal(bucket.take(1), false)
})
