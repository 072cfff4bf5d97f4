import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changesOf, countingReadings, nameOf } from '../../test/support/log-changes.ts'
import { openSimulatedLog } from '../../test/support/simulated-log.ts'
import type { ConsumeOptions } from '../core/log.ts'
import type { LiveSource } from '../live/hub.ts'
import { liveSource } from './live-source.ts'

const never = new AbortController().signal
const options = { from: undefined, maxRows: 100, lingerMs: 0 }

/** Asks for one delivery after the other. */
function deliveries(source: LiveSource, from: ConsumeOptions): () => Promise<unknown> {
  const each = source.consume(from, never)[Symbol.asyncIterator]()
  return async () => {
    const result = await each.next()
    assert.ok(result.done !== true)
    return { from: result.value.from, to: result.value.to }
  }
}

test('live readers go on where they are when the log gets another id, and say the new one', async () => {
  const { log } = await openSimulatedLog()
  const source = liveSource(log)
  await log.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 5) }))
  const before = source.position()
  const reading = deliveries(source, options)
  assert.deepEqual(await reading(), { from: { ...before, next: 0n }, to: before })
  await log.admit('sink', { ...before, next: 99n })
  assert.notEqual(log.id, before.log)
  await log.commit(changesOf({ readings: countingReadings(5, 5) }))
  const now = source.position()
  assert.deepEqual([now.log, now.next], [log.id, 10n])
  const goesOn = { from: { ...before, log: log.id }, to: now }
  assert.deepEqual(await reading(), goesOn)
  assert.deepEqual(await deliveries(source, { ...options, from: before })(), goesOn)
  await log.close()
})
