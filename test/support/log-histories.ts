import fc from 'fast-check'
import { ModelledLog, type Step } from './log-model.ts'
import type { StorageFault } from './memory-storage.ts'

/** What may happen to a log, one thing after the other. `seed` decides what a crash leaves on the disk. */
export interface LogHistory {
  readonly seed: number
  readonly segmentBytes: number
  readonly steps: readonly Step[]
}

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
    arbitrary: fc.record({
      kind: fc.constant('flush'),
      commits,
      stopAt: fc.integer({ min: 1, max: 10 }),
      losesPower: fc.boolean(),
    }),
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

export const logHistories: fc.Arbitrary<LogHistory> = fc.record({
  seed: fc.nat(),
  segmentBytes: fc.constantFrom(500, 1500, 1e6),
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
})

/** Lives through a history. @throws AssertionError where the log and the plain list beside it do not agree. */
export async function liveThrough({ seed, segmentBytes, steps }: LogHistory): Promise<void> {
  const model = new ModelledLog(seed, segmentBytes)
  for (const each of steps) await model.run(each)
}
