import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import fc from 'fast-check'
import { LiveModel, type Step } from '../../test/support/live-model.ts'

const client = fc.nat(2)
const id = fc.constantFrom('a', 'b', 1)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('subscribe'),
      client,
      id,
      devices: fc.constantFrom('*', 'pump*', 'fan'),
      // How many rows back; undefined is from now on.
      back: fc.option(fc.nat(40), { nil: undefined }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('unsubscribe'), client, id }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('leave'), client }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('rows'), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('stall', 'resume'), client }) },
  // Without these the steps are one turn, as frames of one packet are.
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('turn') }) },
)

const numRuns = Number(process.env['TEST_RUNS'] ?? 300)

test('however subscriptions come, go and are replaced, in one turn or in many: each gets its rows once, and only while it is there', async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
    const model = new LiveModel(3)
    for (const each of steps) {
      if (each.kind === 'turn') await setImmediate()
      else model.run(each)
      model.check()
    }
    await model.settle()
    model.leaveAll()
    // A subscription that was left behind would still get these.
    model.run({ kind: 'rows', count: 3 })
    await setImmediate()
    model.check()
    assert.equal(model.groups, 0)
    assert.equal(model.readers, 0)
  })
  await fc.assert(property, { numRuns })
})
