import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Progress } from './progress.ts'

const at = (next: bigint, log = 'log') => ({ log, partition: 0, next })

test('who waits for a position is let go once everything before it is applied, and not sooner', async () => {
  const progress = new Progress('log')
  let isPassed = false
  const waiting = progress.passed(at(5n), AbortSignal.timeout(20_000)).then(() => {
    isPassed = true
  })
  progress.moved(4n)
  await progress.passed(at(4n), AbortSignal.timeout(20_000))
  assert.equal(isPassed, false)
  progress.moved(5n)
  await waiting
})

test('who stops waiting is told why', async () => {
  const stop = new AbortController()
  const waiting = new Progress('log').passed(at(1n), stop.signal)
  stop.abort(new Error('gone'))
  await assert.rejects(waiting, /gone/)
})
