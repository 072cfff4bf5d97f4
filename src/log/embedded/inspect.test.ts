import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingReadings, documentsOf, nameOf } from '../../../test/support/log-changes.ts'
import { folder, WrittenLog } from '../../../test/support/written-log.ts'
import { inspectLog } from './inspect.ts'
import { segmentHeaderBytes } from './segment.ts'

test('inspection tells what each segment holds, and does not count what another one has again', () => {
  const log = new WrittenLog()
  const edit = { device: 'd', metric: undefined, from: 0, to: 1, patch: undefined }
  log.commit({
    names: [nameOf(0), nameOf(1)],
    readings: countingReadings(0, 5),
    edits: [edit],
    documents: [documentsOf('posts', [{ key: '', body: '' }])],
  })
  log.clock.pass(60)
  log.storage.failNth(1, { code: 'EIO' }, 'sync')
  log.commit({ readings: countingReadings(5, 5) })
  const [first, second, ...rest] = inspectLog(log.storage, folder)
  assert.deepEqual(rest, [])
  assert.ok(first && second)
  assert.equal(first.log, log.writer.id)
  assert.equal(first.file, log.files[0])
  assert.deepEqual([first.first, first.next, first.commits, first.newSeries], [0, 7, 1, 2])
  assert.deepEqual(first.rows, { readings: 5, edits: 1, posts: 1 })
  assert.deepEqual(first.damage, [])
  assert.deepEqual([second.first, second.next, second.commits], [7, 12, 1])
  assert.deepEqual(second.rows, { readings: 5 })
  assert.equal((second.from ?? 0) - (first.from ?? 0), 60e6)
  assert.equal(second.bytes, log.bytes(second.file).length)
})

test('inspection shows damage and goes on behind it, and changes nothing', () => {
  const log = new WrittenLog()
  for (let i = 0; i < 3; i++) log.count(10)
  const [file = ''] = log.files
  log.storage.rot(file, 10)
  log.storage.rot(file, segmentHeaderBytes + 30)
  log.writer.check(undefined)
  const before = log.storage.history.length
  const [report] = inspectLog(log.storage, folder)
  assert.equal(report?.log, undefined, 'the header is damaged')
  assert.equal(report?.commits, 3)
  assert.equal(report?.damage.length, 1, 'the checkpoint')
  const opened = log.storage.history.slice(before)
  assert.ok(opened.every(({ operation }) => operation === 'open'))
})

test('a folder without segments has no report', () => {
  const log = new WrittenLog()
  assert.deepEqual([...inspectLog(log.storage, '/nowhere')], [])
})
