import assert from 'node:assert/strict'
import test from 'node:test'
import { systemClock } from '../lib/clock.ts'
import { Pace } from './pace.ts'

test('a pace that begins with a whole record sends it at once, and no other', () => {
  const pace = new Pace(systemClock, 1e-6, 1)
  assert.deepEqual([pace.take(), pace.take()], [true, false])
  assert.equal(new Pace(systemClock, 1e-6, 0.5).take(), false)
})
