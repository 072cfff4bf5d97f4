import { test } from 'node:test'
import fc from 'fast-check'
import { liveThrough, logHistories } from '../../../test/support/log-histories.ts'

const numRuns = Number(process.env['TEST_RUNS'] ?? 200)

test('whatever crashes and fails, what was acknowledged is delivered once and in order, and what was refused never', async () => {
  await fc.assert(fc.asyncProperty(logHistories, liveThrough), { numRuns })
})
