import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { FakeClock } from '../../test/support/fake-clock.ts'
import { changesOf, countingReadings, documentsOf } from '../../test/support/log-changes.ts'
import { openEmbeddedLog } from '../log/embedded/log.ts'
import { Measurements } from './measurements.ts'

test('only commits with readings make a store lag: it passes what is of other streams now and then', async (t) => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'sluice-lag-'))
  t.after(() => fs.rm(folder, { recursive: true }))
  const log = await openEmbeddedLog(folder, {
    segmentBytes: 1024 * 1024,
    maxBytes: 16 * 1024 * 1024,
    retentionSeconds: 3600,
    reserveBytes: 0,
    groups: [],
  })
  t.after(() => log.close())
  const clock = new FakeClock()
  const nothing = { commit: () => {}, write: () => {}, endToEnd: () => {} }
  const measurements = new Measurements(nothing, clock, ['main'])
  const measured = measurements.log(log)
  await measured.commit(changesOf({ documents: [documentsOf('state', [{ key: 'a', time: 0, body: 'x' }])] }))
  clock.pass(5)
  assert.equal(measurements.lagSeconds, 0)
  await measured.commit(
    changesOf({ names: [{ id: 0, device: 'd', metric: 'm', unit: '' }], readings: countingReadings(0, 3) }),
  )
  clock.pass(2)
  assert.equal(measurements.lagSeconds, 2)
})
