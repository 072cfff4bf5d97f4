import assert from 'node:assert/strict'
import test from 'node:test'
import { ProveRun, reached } from '../support/prove-run.ts'

/** delivery.md: stop accepting, drain acknowledgements, finish writes, final sync. */
const promisedMs = 10_000

test('SIGTERM under load ends the program in time and loses nothing acknowledged', {
  timeout: 120_000,
}, async (t) => {
  const run = await ProveRun.create()
  t.diagnostic(`seed ${run.seed}`)
  await run.keepIfFailed(async () => {
    const first = await run.start()
    try {
      run.fleet.start()
      await reached(
        () => run.fleet.acked > 50_000,
        30_000,
        () => `the load runs; ${first.output}`,
      )
      const { code, tookMs } = await first.stop()
      assert.equal(code, 0, first.output)
      assert.ok(tookMs < promisedMs, `${tookMs} ms`)
      t.diagnostic(`stopped in ${Math.round(tookMs)} ms, ${run.fleet.inFlight} messages had no answer`)
    } finally {
      first.killTree()
    }
    const second = await run.start()
    try {
      await run.conclude(second)
    } finally {
      second.killTree()
    }
  })
})

test('a second SIGTERM ends the program at once and loses nothing acknowledged', {
  timeout: 120_000,
}, async (t) => {
  const run = await ProveRun.create()
  t.diagnostic(`seed ${run.seed}`)
  await run.keepIfFailed(async () => {
    const first = await run.start()
    try {
      run.fleet.start()
      await reached(
        () => run.fleet.acked > 20_000,
        30_000,
        () => `the load runs; ${first.output}`,
      )
      first.kill('SIGTERM')
      const { tookMs } = await first.stop()
      assert.ok(tookMs < promisedMs, `${tookMs} ms`)
    } finally {
      first.killTree()
    }
    const second = await run.start()
    try {
      await run.conclude(second)
    } finally {
      second.killTree()
    }
  })
})

test('SIGTERM the moment the program says that it is ready is a clean stop', {
  timeout: 120_000,
}, async () => {
  const run = await ProveRun.create({ devices: 1 })
  await run.keepIfFailed(async () => {
    for (let start = 0; start < 3; start++) {
      const sluice = await run.start()
      const { code, signal } = await sluice.stop()
      assert.equal(code, 0, `start ${start} ended with ${code ?? signal}:\n${sluice.output}`)
    }
  })
})
