import { test } from 'node:test'
import fc from 'fast-check'
import { ModelledLog, type Step } from '../../../test/support/log-model.ts'
import type { StorageFault } from '../../../test/support/memory-storage.ts'

const commit = fc.record({
  rows: fc.nat(6),
  posts: fc.nat(2),
  hasEdit: fc.boolean(),
  hasName: fc.boolean(),
})
const fault: fc.Arbitrary<StorageFault> = fc.oneof(
  fc.record({ code: fc.constantFrom('EIO', 'ENOSPC', 'EACCES'), done: fc.constantFrom(0, 0.3, 0.7, 1) }),
  // A system without descriptors says so before it does anything.
  fc.constant<StorageFault>({ code: 'EMFILE' }),
)
const commits = fc.array(commit, { minLength: 1, maxLength: 4 })
const stops = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 2 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('flush'), commits }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('flush'),
      commits,
      fault: fc.record({ nth: fc.integer({ min: 1, max: 12 }), fault }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('flush'), commits, stopAt: fc.integer({ min: 1, max: 10 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('space'),
      bytes: fc.option(fc.nat(600), { nil: undefined }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('check') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill', 'power'), stopsAt: stops }) },
)

const numRuns = Number(process.env['TEST_RUNS'] ?? 200)

test('whatever crashes and fails, what was acknowledged is delivered once and in order, and what was refused never', async () => {
  const property = fc.asyncProperty(
    fc.nat(),
    fc.constantFrom(500, 1500, 1e6),
    fc.array(step, { minLength: 1, maxLength: 25 }),
    async (seed, segmentBytes, steps) => {
      const model = new ModelledLog(seed, segmentBytes)
      for (const each of steps) await model.run(each)
    },
  )
  await fc.assert(property, { numRuns })
})
