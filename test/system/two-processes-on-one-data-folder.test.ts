import assert from 'node:assert/strict'
import test from 'node:test'
import { ProveRun, reached } from '../support/prove-run.ts'
import { SluiceProcess } from '../support/sluice-process.ts'

test('a second process on one data folder refuses in clear words, and the first goes on', {
  timeout: 120_000,
}, async () => {
  const run = await ProveRun.create({ devices: 2 })
  await run.keepIfFailed(async () => {
    const first = await run.start()
    try {
      run.fleet.start()
      await reached(
        () => run.fleet.acked > 1_000,
        30_000,
        () => `the load runs; ${first.output}`,
      )

      const second = await SluiceProcess.spawn({ data: run.data })
      const { code } = await second.closed
      assert.equal(code, 2)
      assert.match(second.output, /data folder .* is in use by another running Sluice/)
      assert.ok(second.output.includes(run.data))
      assert.doesNotMatch(second.output, /\bready\b/)

      const before = run.fleet.acked
      await reached(
        () => run.fleet.acked > before + 1_000,
        30_000,
        () => `the first goes on; ${first.output}`,
      )
      await run.conclude(first)
    } finally {
      first.killTree()
    }
  })
})

test('the lock of a process that was killed is free', { timeout: 60_000 }, async () => {
  const run = await ProveRun.create({ devices: 1 })
  await run.keepIfFailed(async () => {
    const first = await run.start()
    first.kill()
    await first.exited
    const second = await run.start()
    second.kill()
    await second.closed
  })
})
