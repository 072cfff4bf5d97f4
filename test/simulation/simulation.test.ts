import assert from 'node:assert/strict'
import { test } from 'node:test'
import { queryObjects } from 'node:v8'
import { runHistories, toldFailure } from './histories.ts'
import { runHistory } from './history.ts'
import { World } from './world.ts'

test('a seed gives the same history again, to the last event, recorded or not', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [first, again] = [await runHistory(seed), await runHistory(seed, true)]
    assert.deepEqual([first.hash, first.events], [again.hash, again.events], `seed ${seed}`)
    assert.ok(again.trace.length > first.events / 2)
  }
})

test('nothing of a history stays: a million of them run in one process', async () => {
  for (let seed = 1; seed <= 10; seed++) await runHistory(seed)
  const left = queryObjects(World, { format: 'count' })
  assert.ok(left <= 1, `${left} worlds`)
})

test('whatever crashes, fails and comes late, everything acknowledged takes effect once', async (t) => {
  const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  const histories = Number(process.env['TEST_RUNS'] ?? 1_500)
  t.diagnostic(`TEST_SEED=${seed}`)
  const { failed, ...seen } = await runHistories({ seed, histories, workers: 1 })
  t.diagnostic(JSON.stringify(seen))
  for (const failure of failed) assert.fail(toldFailure(failure, 60))
  assert.equal(seen.histories, histories)
  // It tries what it is for.
  const { acked, crashes, stops } = seen
  assert.ok(acked > histories && crashes > histories && stops > histories / 40, JSON.stringify(seen))
})
