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
  written.add(intake, key, { offset: 200n, told: 100n, time: 7n })
  const cursors = new Cursors('plant', 'g', { ...none, get: (key) => intake.state.get(key) })

  assert.equal(cursors.resume(key, 100n), 200n, 'a crash before the offsets were committed')
  assert.equal(cursors.resume(key, 150n), 200n, 'committed after it was kept')
  assert.equal(cursors.resume(key, 250n), 250n, 'another replica was further')
  assert.equal(cursors.resume(key, 50n), 50n, 'somebody set it back to read again')
  assert.equal(cursors.resume(key, -1n), 200n, 'the group has forgotten its offsets')
  cursors.keep(key, { offset: 300n, told: 200n, time: 8n })
  assert.equal(cursors.resume(key, 200n), 300n, 'what this run has kept is newer')
  assert.equal(cursors.time(key), 8n)
  // Kafka had 300, then the topic lost its end.
  written.add(intake, key, { offset: 240n, told: 300n, time: 7n })
  const shorter = new Cursors('plant', 'g', { ...none, get: (key) => intake.state.get(key) })
  assert.equal(shorter.resume(key, 300n), 240n, 'a crash before Kafka was told of it')
  assert.equal(shorter.resume(key, 240n), 240n, 'a crash before it was known that Kafka has been told')
  assert.equal(shorter.resume(key, 310n), 310n, 'another replica went on')
  assert.equal(shorter.time(key), 7n)
  assert.equal(cursors.resume(cursors.key('another topic', 3), -1n), undefined)
  assert.equal(new Cursors('plant', 'other', none).resume('x', -1n), undefined)
})
