import assert from 'node:assert/strict'
import { test } from 'node:test'
import { booksOf, changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { rowsOf } from '../../../test/support/log-reading.ts'
import { afterFault } from '../../../test/support/memory-storage.ts'
import { range, WrittenLog } from '../../../test/support/written-log.ts'

test('commits of one flush share one sync, and each takes numbers of its own', () => {
  const log = new WrittenLog()
  const before = log.storage.history.filter(({ operation }) => operation === 'sync').length
  assert.equal(log.writer.append(changesOf({ readings: countingReadings(0, 3) })), 3)
  assert.equal(log.writer.append(changesOf({})), 4)
  assert.equal(log.writer.append(changesOf({ readings: countingReadings(3, 2) })), 6)
  assert.equal(log.writer.watermark.next, 0)
  log.writer.flush()
  assert.equal(log.writer.watermark.next, 6)
  assert.equal(log.storage.history.filter(({ operation }) => operation === 'sync').length, before + 1)
  assert.equal(log.writer.commits, 3)
})

test('a flush without commits touches nothing', () => {
  const log = new WrittenLog()
  const { calls } = log.storage
  log.writer.flush()
  assert.equal(log.storage.calls, calls)
})

test('a log that was closed goes on where it ended, with its id, books, names and counts', async () => {
  const log = new WrittenLog()
  log.commit({
    names: [nameOf(0, 'K'), nameOf(1)],
    readings: countingReadings(0, 5),
    books: booksOf(5),
  })
  const { id } = log.writer
  log.restart()
  assert.equal(log.writer.id, id)
  assert.deepEqual(log.writer.books, booksOf(5))
  assert.deepEqual([...log.writer.dictionary.entries()], [nameOf(0, 'K'), nameOf(1)])
  assert.deepEqual(log.writer.rows, new Map([['readings', 5]]))
  assert.equal(log.writer.commits, 1)
  assert.equal(log.writer.damagedFrames + log.writer.tornTails, 0)
  assert.equal(log.commit({ readings: countingReadings(5, 5) }), 10)
  assert.deepEqual(await log.readValues(), range(0, 10))
})

test('everything acknowledged outlives kill -9 and every kind of power loss', async () => {
  for (let seed = 0; seed < 40; seed++) {
    const log = new WrittenLog({ segmentBytes: 1000 }, seed)
    for (let i = 0; i < 6; i++) log.count(7)
    if (seed % 2 === 0) log.losePowerAndStart()
    else log.killAndStart()
    assert.deepEqual(await log.readValues(), range(0, 42))
    assert.deepEqual(log.writer.books, booksOf(42))
  }
})

test('a log that was just created and loses power is a log', () => {
  for (let seed = 0; seed < 20; seed++) {
    const log = new WrittenLog({}, seed)
    const { id } = log.writer
    log.losePowerAndStart()
    assert.equal(log.writer.id, id)
  }
})

test('what a start after kill -9 finds and gives to readers is made durable first', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const log = new WrittenLog({}, seed)
    log.count(3)
    // The process dies between write and sync: the commit is whole in the page cache and nowhere else.
    log.storage.failNth(1, { code: 'STOP' }, 'sync')
    assert.throws(() => log.count(4))
    log.killAndStart()
    const seen = await log.read()
    assert.deepEqual(
      rowsOf(seen).map(({ value }) => value),
      range(0, 7),
    )
    log.losePowerAndStart('all')
    // A sink may have stored these rows with their numbers.
    assert.deepEqual(rowsOf(await log.read()), rowsOf(seen))
  }
})

test('a commit whose sync failed, found after kill -9, is written again before anybody gets it', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const log = new WrittenLog({}, seed)
    log.count(3)
    // The kernel takes the pages of a failed sync for clean: syncing them again would prove nothing.
    log.storage.failNth(1, { code: 'EIO' }, 'sync')
    log.storage.fault = afterFault(log.storage.fault, { code: 'STOP' })
    assert.throws(() => log.count(4))
    log.killAndStart()
    const seen = await log.read()
    log.losePowerAndStart('all')
    assert.deepEqual(rowsOf(await log.read()), rowsOf(seen))
  }
})

test('the folder of a segment begun by a process that was killed is synced by the next start', async () => {
  const log = new WrittenLog({ segmentBytes: 300 })
  log.count(20)
  log.storage.failNth(1, { code: 'STOP' }, 'syncFolder')
  assert.throws(() => log.count(1))
  log.killAndStart()
  log.count(5)
  log.losePowerAndStart('all')
  assert.equal((await log.readValues()).length, log.values)
})

test('a segment that is full is followed by another, and names, books and totals go along', async () => {
  const log = new WrittenLog({ segmentBytes: 500 })
  for (let i = 0; i < 10; i++) log.count(10)
  assert.ok(log.files.length >= 4, `${log.files.length} segments`)
  assert.equal(log.writer.segments, log.files.length)
  log.killAndStart()
  assert.deepEqual(await log.readValues(), range(0, 100))
  assert.equal(log.writer.commits, 10)
  assert.equal(log.writer.dictionary.get(0)?.device, 'device 0')
})

test('a start reads the last segment only, when the names file covers the others', () => {
  const log = new WrittenLog({ segmentBytes: 20_000 })
  // All names come first: later segments bring none.
  for (let i = 0; i < 60; i++) log.count(200)
  const segments = log.files.length
  assert.ok(segments > 8)
  log.storage.kill()
  const reads = new Map<string, number>()
  log.storage.fault = ({ operation, file }) => {
    if (operation === 'read') reads.set(file, (reads.get(file) ?? 0) + 1)
    return undefined
  }
  log.start()
  // A header and a checkpoint of each, and the whole of the last.
  for (const [file, count] of reads) {
    assert.ok(count <= 4 || file === log.files.at(-1), `${count} reads of ${file}`)
  }
})

test('a commit larger than the log takes is refused alone, and leaves no trace', async () => {
  const log = new WrittenLog()
  log.count(2)
  const name = { id: 1, device: 'd', metric: 'm', unit: 'x'.repeat(70_000) }
  assert.throws(() => log.writer.append(changesOf({ names: [name] })), { code: 'invalid-name' })
  const huge = {
    stream: 'posts',
    length: 1,
    time: new Float64Array(1),
    key: { offsets: new Uint32Array(2), bytes: new Uint8Array(0) },
  }
  const body = { offsets: Uint32Array.of(0, 257 * 2 ** 20), bytes: new Uint8Array(257 * 2 ** 20) }
  assert.throws(() => log.writer.append(changesOf({ documents: [{ ...huge, body }] })), { code: 'too-large' })
  log.count(2)
  log.killAndStart()
  assert.deepEqual(await log.readValues(), range(0, 4))
})

test('a series id that a refused commit would have brought is free again after a restart', () => {
  const log = new WrittenLog()
  log.count(1)
  log.storage.failNth(1, { code: 'ENOSPC' }, 'write')
  assert.throws(() => log.commit({ names: [nameOf(1)] }))
  log.writer.check(undefined)
  log.count(1)
  log.restart()
  assert.equal(log.writer.dictionary.size, 1)
})

test('a log with another id has it for good, with everything that it held', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const log = new WrittenLog({}, seed)
    log.count(5)
    const { id } = log.writer
    log.writer.renew()
    const renewed = log.writer.id
    assert.notEqual(renewed, id)
    if (seed % 2 === 0) log.count(5)
    log.losePowerAndStart()
    assert.deepEqual([log.writer.id, log.writer.renewals], [renewed, 1])
    assert.deepEqual(await log.readValues(), range(0, log.values))
    log.restart()
    assert.deepEqual([log.writer.id, log.writer.renewals], [renewed, 1])
  }
})

test('a log that cannot write its new id keeps the one it has, and goes on', async () => {
  const log = new WrittenLog()
  log.count(5)
  const { id } = log.writer
  log.storage.fault = ({ operation }) => (operation === 'open' ? { code: 'EIO' } : undefined)
  assert.throws(() => log.writer.renew(), { code: 'EIO' })
  log.storage.fault = undefined
  assert.deepEqual([log.writer.id, log.writer.renewals], [id, 0])
  log.count(5)
  log.losePowerAndStart()
  assert.deepEqual([log.writer.id, log.writer.renewals], [id, 0])
  assert.deepEqual(await log.readValues(), range(0, 10))
})
