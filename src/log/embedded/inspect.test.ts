import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingReadings, documentsOf, nameOf } from '../../../test/support/log-changes.ts'
import { rotCommit } from '../../../test/support/rotten-log.ts'
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
  assert.deepEqual(
    report?.damage.map(({ offset }) => offset),
    [0, segmentHeaderBytes],
    'the header and the checkpoint',
  )
  const opened = log.storage.history.slice(before)
  assert.ok(opened.every(({ operation }) => operation === 'open'))
})

test('what may be a commit that is being written is no damage; in the middle of the last segment it is', () => {
  const log = new WrittenLog()
  for (let i = 0; i < 3; i++) log.count(10)
  const [file = ''] = log.files
  const open = log.storage.open(file, 'write')
  open.write([new Uint8Array(20).fill(1)], open.size())
  open.close()
  const [torn] = inspectLog(log.storage, folder)
  assert.deepEqual([torn?.commits, torn?.damage, torn?.tailBytes], [3, [], 20])
  const { offset, length } = rotCommit(log, file, 1)
  const [damaged] = inspectLog(log.storage, folder)
  assert.deepEqual(
    [damaged?.commits, damaged?.damage, damaged?.tailBytes],
    [2, [{ offset, bytes: length }], 20],
  )
})

test('a folder without segments has no report', () => {
  const log = new WrittenLog()
  assert.deepEqual([...inspectLog(log.storage, '/nowhere')], [])
})
