import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runHistories, runRange, toldFailure } from './histories.ts'
import { runHistory } from './history.ts'

/** Each began a history that was not as promised when it was found; a change of the product changes what they do. */
const onceFailed: readonly [seed: number, what: string][] = [
  [45, 'a filtered row was counted twice where its batch was cut in two'],
  [1123, 'the file sink cut off lines that its note, which had failed behind the rename, already counted'],
  [3625, 'a rotation of the file sink that failed half-way wrote zeros'],
  [23_439, 'a crash behind a refused commit left its rows in the books at the door'],
  [1_500_002_815, 'a client was told PUBREL before it was on disk that it has the message'],
  [9, 'a packet id of QoS 2 was told free by a commit behind the one that failed to free it'],
]

test('a seed gives the same history again, to the last event, recorded or not', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const [first, again] = [await runHistory(seed), await runHistory(seed, true)]
    assert.deepEqual([first.hash, first.events], [again.hash, again.events], `seed ${seed}`)
    assert.ok(again.trace.length > first.events / 2)
  }
})

for (const [seed, what] of onceFailed)
  test(`seed ${seed} is as promised: ${what}`, async () => {
    const { failed } = await runRange({ seed, histories: 1 })
    for (const failure of failed) assert.fail(toldFailure(failure, 60))
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
  assert.ok(seen.acked > histories && seen.crashes > histories, JSON.stringify(seen))
})
