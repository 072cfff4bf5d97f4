import assert from 'node:assert/strict'
import test from 'node:test'
import { RecordingIntake } from '../../../test/support/recording-intake.ts'
import { Cursors } from './cursors.ts'

const none = { get: () => undefined, entries: () => [] }

test('a partition goes on behind its own rows, unless the group is ahead or was set back', () => {
  const intake = new RecordingIntake()
  const written = new Cursors('plant', 'g', none)
  const key = written.key('id', 3)
  assert.equal(key, 'cursor/kafka/plant/g/id/3')
  written.add(intake, key, { offset: 200n, told: 100n })
  const cursors = new Cursors('plant', 'g', { ...none, get: (key) => intake.state.get(key) })

  assert.equal(cursors.resume(key, 100n), 200n, 'a crash before the offsets were committed')
  assert.equal(cursors.resume(key, 150n), 200n, 'committed after it was kept')
  assert.equal(cursors.resume(key, 250n), 250n, 'another replica was further')
  assert.equal(cursors.resume(key, 50n), 50n, 'somebody set it back to read again')
  assert.equal(cursors.resume(key, -1n), 200n, 'the group has forgotten its offsets')
  cursors.keep(key, { offset: 300n, told: 200n })
  assert.equal(cursors.resume(key, 200n), 300n, 'what this run has kept is newer')
  assert.equal(cursors.resume(cursors.key('another topic', 3), -1n), undefined)
  assert.equal(new Cursors('plant', 'other', none).resume('x', -1n), undefined)
})
