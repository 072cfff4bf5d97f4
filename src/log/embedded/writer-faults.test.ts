import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  booksOf,
  changesOf,
  countingReadings,
  nameOf,
  readingsOf,
} from '../../../test/support/log-changes.ts'
import { rowsOf } from '../../../test/support/log-reading.ts'
import type { StorageFault } from '../../../test/support/memory-storage.ts'
import { range, WrittenLog } from '../../../test/support/written-log.ts'

const mega = 2 ** 20

test('a commit whose sync fails once is written into a new segment, and the old file is never synced again', async () => {
  for (const loss of ['none', 'all', 'prefix', 'random'] as const) {
    const log = new WrittenLog({}, 7)
    log.count(5)
    const [old = ''] = log.files
    log.storage.failNth(1, { code: 'EIO' }, 'sync')
    log.count(5)
    const [, renewed] = log.files
    assert.match(renewed ?? '', /0000000000000005-0\.seg$/)
    const failedAt = log.storage.history.findLastIndex(
      ({ operation, file }) => operation === 'sync' && file === old,
    )
    log.count(5)
    assert.deepEqual(
      log.storage.history
        .slice(failedAt + 1)
        .filter(({ file, operation }) => file === old && operation !== 'open'),
      [],
    )
    assert.deepEqual(await log.readValues(), range(0, 15))
    log.losePowerAndStart(loss)
    assert.deepEqual(await log.readValues(), range(0, 15))
    assert.equal(log.writer.damagedFrames, 0)
  }
})

for (const operation of ['sync', 'write'] as const) {
  test(`two failed ${operation}s in a row make the log read-only: nothing of them is delivered, everything before is`, async () => {
    const log = new WrittenLog()
    log.count(5)
    let failures = 0
    log.storage.fault = (call) =>
      call.operation === operation && failures++ < 2 ? { code: 'EIO', done: 0.5 } : undefined
    log.writer.append(changesOf({ readings: countingReadings(5, 3) }))
    log.writer.append(changesOf({ readings: countingReadings(8, 3) }))
    assert.throws(() => log.writer.flush(), { code: 'log-read-only' })
    assert.equal(log.writer.state, 'read-only')
    log.writer.check(Number.MAX_SAFE_INTEGER)
    assert.equal(log.writer.state, 'read-only')
    log.writer.append(changesOf({ readings: countingReadings(11, 3) }))
    assert.throws(() => log.writer.flush(), { code: 'log-read-only' })
    assert.deepEqual(await log.readValues(), range(0, 5))
    assert.equal(log.writer.watermark.next, 5)
    // The operator starts it again: what was refused is cut off.
    log.killAndStart()
    assert.deepEqual(await log.readValues(), range(0, 5))
    log.count(5)
    assert.deepEqual(await log.readValues(), range(0, 10))
  })
}

test('after one failed sync a later failure has its own second chance', async () => {
  const log = new WrittenLog()
  for (let i = 0; i < 4; i++) {
    log.storage.failNth(1, { code: 'EIO' }, i % 2 === 0 ? 'sync' : 'write')
    log.count(3)
  }
  assert.equal(log.writer.state, 'open')
  assert.deepEqual(await log.readValues(), range(0, 12))
  log.losePowerAndStart('random')
  assert.deepEqual(await log.readValues(), range(0, 12))
})

test('on a full disk commits are refused, and taken again when check sees space', async () => {
  const log = new WrittenLog()
  log.count(10)
  log.storage.space = 300
  assert.throws(() => log.commit({ readings: countingReadings(900, 100) }), { code: 'disk-full' })
  assert.equal(log.writer.state, 'disk-full')
  assert.equal(log.storage.free(''), 300, 'what was written of it is given back')
  assert.throws(() => log.commit({ readings: countingReadings(1000, 1) }), { code: 'disk-full' })
  log.storage.space = 1e6
  log.writer.check(undefined)
  assert.equal(log.writer.state, 'open')
  log.count(10)
  assert.deepEqual(await log.readValues(), range(0, 20))
})

test('the reserve is kept: intake stops above the last byte and goes on when space returns', () => {
  const log = new WrittenLog({ reserveBytes: 10_000 })
  log.storage.space = 9999
  log.writer.check(undefined)
  assert.throws(() => log.count(1), { code: 'disk-full' })
  log.storage.space = 10_000
  log.writer.check(undefined)
  log.count(1)
})

test('a file whose sync failed for want of space is not synced again either', () => {
  const log = new WrittenLog()
  log.count(10)
  const [old] = log.files
  log.storage.failNth(1, { code: 'ENOSPC' }, 'sync')
  assert.throws(() => log.commit({ readings: countingReadings(500, 2) }), { code: 'disk-full' })
  const failedAt = log.storage.history.length
  log.writer.check(undefined)
  log.count(10)
  log.writer.close()
  const later = log.storage.history.slice(failedAt)
  assert.ok(later.some(({ operation, file }) => operation === 'sync' && file !== old))
  assert.ok(!later.some(({ operation, file }) => operation === 'sync' && file === old))
})

test("what lies in a file from the next one's first number on is void: no name, no row and no count of it", async () => {
  const log = new WrittenLog()
  log.count(10)
  const [old = ''] = log.files
  const length = log.bytes(old).length
  const never = { id: 1, device: 'never durable', metric: 'm', unit: 'K' }
  log.commit({
    names: [never, { ...never, id: 2 }],
    readings: readingsOf([{ series: 1, value: -1 }]),
    books: booksOf(99),
  })
  const withVoid = log.bytes(old)
  // As if that had never been durable: the file ends before it, and what comes instead goes into a new one.
  log.storage.kill()
  const file = log.storage.open(old, 'write')
  file.truncate(length)
  log.start()
  log.storage.failNth(1, { code: 'EIO' }, 'sync')
  log.commit({ names: [nameOf(1)], readings: readingsOf([{ series: 1, value: 1 }]), books: booksOf(11) })
  log.storage.kill()
  const again = log.storage.open(old, 'write')
  again.write([withVoid], 0)
  again.close()
  for (const isScanned of [false, true]) {
    if (isScanned) log.storage.remove('/data/log/series.names')
    log.killAndStart()
    assert.deepEqual([...log.writer.dictionary.entries()], [nameOf(0), nameOf(1)])
    assert.deepEqual(log.writer.books, booksOf(11))
    assert.equal(log.writer.commits, 2)
    const rows = rowsOf(await log.read())
    assert.deepEqual(
      rows.map(({ value }) => value),
      [...range(0, 10), 1],
    )
    assert.equal(rows.at(-1)?.device, 'device 1')
  }
})

test('what a full disk refused is never delivered, whatever happens next, and its numbers are not given again', async () => {
  for (const operation of ['write', 'sync'] as const) {
    for (const next of ['commit', 'restart', 'kill', 'power'] as const) {
      const log = new WrittenLog({}, 3)
      const last = log.count(10)
      const fault: StorageFault = { code: 'ENOSPC', done: 0.9 }
      log.storage.failNth(1, fault, operation)
      log.writer.append(changesOf({ readings: countingReadings(500, 2) }))
      log.writer.append(changesOf({ readings: countingReadings(600, 50) }))
      assert.throws(() => log.writer.flush(), { code: 'disk-full' })
      assert.equal(log.writer.watermark.next, last, 'nothing is said to be durable that is not')
      log.writer.check(undefined)
      if (next === 'restart') log.restart()
      if (next === 'kill') log.killAndStart()
      // After a failed sync the disk may hold anything; after a failed write what was cut off is gone for good.
      if (next === 'power') log.losePowerAndStart(operation === 'write' ? 'random' : 'all')
      log.count(10)
      const rows = rowsOf(await log.read())
      assert.deepEqual(
        rows.map(({ value }) => value),
        range(0, 20),
        `${operation}, ${next}`,
      )
      if (next === 'commit') assert.equal(rows[10]?.number, mega)
    }
  }
})

test('a disk that stays full leaves no files and no descriptors behind', () => {
  const log = new WrittenLog({ segmentBytes: 300 })
  log.count(20)
  const { openFiles } = log.storage
  const { files } = log
  for (let i = 0; i < 50; i++) {
    log.storage.space = 10
    assert.throws(() => log.count(1), { code: 'disk-full' })
    log.writer.check(undefined)
    assert.equal(log.writer.state, 'open', 'a quota: the file system says there is space')
  }
  assert.deepEqual(log.files, files)
  assert.equal(log.storage.openFiles, openFiles)
  log.storage.space = 1e6
  log.count(1)
})

test('when no file can be opened the log goes on in the present one', async () => {
  const log = new WrittenLog({ segmentBytes: 300 })
  log.count(20)
  log.storage.fault = ({ operation }) => (operation === 'open' ? { code: 'EMFILE' } : undefined)
  for (let i = 0; i < 5; i++) log.count(20)
  log.storage.fault = undefined
  assert.equal(log.files.length, 1)
  assert.deepEqual(await log.readValues(), range(0, 120))
})

test('a commit that needs a new file and gets none is refused as busy, and the next one may pass', async () => {
  const log = new WrittenLog()
  log.count(5)
  log.storage.fault = ({ operation }) =>
    operation === 'sync' ? { code: 'EIO' } : operation === 'open' ? { code: 'EMFILE' } : undefined
  assert.throws(() => log.commit({ readings: countingReadings(500, 5) }), { code: 'busy' })
  assert.equal(log.writer.state, 'open')
  log.storage.fault = undefined
  log.count(5)
  assert.deepEqual(await log.readValues(), range(0, 10))
  log.killAndStart()
  assert.deepEqual(await log.readValues(), range(0, 10))
})

test('names of a refused commit are not known, and come with the commit that brings them again', async () => {
  const log = new WrittenLog()
  log.count(1)
  log.storage.failNth(1, { code: 'ENOSPC' }, 'write')
  assert.throws(() => log.commit({ names: [nameOf(1)], readings: countingReadings(500, 1) }), {
    code: 'disk-full',
  })
  log.writer.check(undefined)
  assert.equal(log.writer.dictionary.get(1), undefined)
  log.commit({ names: [nameOf(1)] })
  log.killAndStart()
  assert.deepEqual([...log.writer.dictionary.entries()], [nameOf(0), nameOf(1)])
  assert.deepEqual(await log.readValues(), [0])
})

test('books and counts are those of the last commit that is durable', () => {
  const log = new WrittenLog()
  log.count(4)
  log.storage.failNth(1, { code: 'ENOSPC' }, 'write')
  assert.throws(() => log.commit({ readings: countingReadings(500, 3), books: booksOf(999) }))
  assert.deepEqual(log.writer.books, booksOf(4))
  assert.deepEqual(log.writer.rows, new Map([['readings', 4]]))
  log.writer.check(undefined)
  log.killAndStart()
  assert.deepEqual(log.writer.books, booksOf(4))
})

test('a check never throws, whatever call fails, and a commit after it is taken', () => {
  for (let nth = 1; nth <= 20; nth++) {
    for (const code of ['EIO', 'EACCES'] as const) {
      const log = new WrittenLog({ segmentBytes: 300, retentionSeconds: 10 })
      for (let i = 0; i < 6; i++) log.count(10)
      log.clock.pass(100)
      log.commit({ names: [nameOf(1)] })
      log.storage.failNth(nth, { code })
      log.writer.check(Number.MAX_SAFE_INTEGER)
      log.count(1)
    }
  }
})
