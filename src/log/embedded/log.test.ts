import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  booksOf,
  changesOf,
  countingReadings,
  documentsOf,
  nameOf,
  readingsOf,
} from '../../../test/support/log-changes.ts'
import { plain, valuesOf } from '../../../test/support/log-reading.ts'
import { MemoryStorage } from '../../../test/support/memory-storage.ts'
import { seededRandom } from '../../../test/support/random.ts'
import { openSimulatedLog } from '../../../test/support/simulated-log.ts'
import { range } from '../../../test/support/written-log.ts'
import { Durable } from '../../core/durable.ts'
import type { EmbeddedLog } from './log.ts'

const never = new AbortController().signal
const reading = { from: undefined, maxRows: 1000, lingerMs: 0 }
const settled = (promise: Promise<unknown>) =>
  promise.then(
    () => 'durable',
    (error: { code: string }) => error.code,
  )
const turn = () => new Promise((resolve) => setImmediate(resolve))

/** The first `n` values of the readings. */
async function firstValues(log: EmbeddedLog, n: number, group = 'reader'): Promise<(number | string)[]> {
  const values: (number | string)[] = []
  for await (const d of log.consume('readings', group, reading, never)) {
    values.push(...valuesOf([plain(d)]))
    d.ack()
    if (values.length >= n) break
  }
  return values
}

test('a commit resolves with a token that names the place behind it', async () => {
  const { log } = await openSimulatedLog()
  const durable = await log.commit(changesOf({ readings: countingReadings(0, 3) }))
  assert.ok(Durable.isDurable(durable))
  assert.deepEqual(durable.position, { log: log.id, partition: 0, next: 3n })
  await log.close()
})

test('commits that wait together become durable by one sync, and are answered in order', async () => {
  const { log, thread } = await openSimulatedLog()
  thread.isAutomatic = false
  const answers: number[] = []
  const commits = range(0, 5).map((i) =>
    log.commit(changesOf({ readings: countingReadings(i, 1) })).then(() => answers.push(i)),
  )
  thread.handle()
  await Promise.all(commits)
  assert.deepEqual(log.status().rows, { readings: 5 }, 'rows are as new as their number, without a check')
  thread.check()
  assert.deepEqual(answers, range(0, 5))
  assert.equal(log.status().syncs, 1)
  assert.equal(log.status().commits, 5)
})

test('a failed commit takes with it those sent before its failure was known, and no others', async () => {
  const { log, thread, storage } = await openSimulatedLog()
  thread.isAutomatic = false
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  const first = log.commit(changesOf({ names: [nameOf(0)], readings: readingsOf([{ series: 0, value: 1 }]) }))
  const outcomes = [settled(first)]
  // The thread has failed it, and we do not know yet: the next commit needs the name.
  const deliver = thread.deliver.bind(thread)
  thread.deliver = () => {}
  thread.handle()
  thread.check()
  outcomes.push(settled(log.commit(changesOf({ readings: readingsOf([{ series: 0, value: 2 }]) }))))
  thread.handle()
  thread.deliver = deliver
  thread.deliver()
  assert.deepEqual(await Promise.all(outcomes), ['disk-full', 'disk-full'])
  thread.check()
  assert.equal(log.status().state, 'open')
  const again = log.commit(changesOf({ names: [nameOf(0)], readings: readingsOf([{ series: 0, value: 3 }]) }))
  thread.handle()
  await again
  assert.deepEqual(await firstValues(log, 1), [3])
})

test('what must fail with a commit fails at once: nobody counts it as kept in the commit after that', async () => {
  const { log, thread, storage } = await openSimulatedLog()
  thread.isAutomatic = false
  await turn()
  const commit = (value: number) => settled(log.commit(changesOf({ readings: countingReadings(value, 1) })))
  const outcomes: string[] = []
  const add = (value: number) => commit(value).then((outcome) => outcomes.push(outcome))
  const all = [add(0)]
  storage.failNth(1, { code: 'ENOSPC' }, 'write')
  const fail = storage.fault
  storage.fault = (call) => {
    const fault = fail?.(call)
    // While the first is being written.
    if (fault) all.push(add(1), add(2))
    return fault
  }
  thread.handle()
  // The thread has not come to them.
  await turn()
  assert.deepEqual(outcomes, ['disk-full', 'disk-full', 'disk-full'])
  await Promise.all(all)
  thread.check()
  const next = [commit(3), commit(4)]
  thread.handle()
  assert.deepEqual(await Promise.all(next), ['durable', 'durable'])
  assert.deepEqual(await firstValues(log, 2), [3, 4])
})

test('a commit that can never be written fails alone: those beside it are durable', async () => {
  const { log, thread } = await openSimulatedLog()
  thread.isAutomatic = false
  const monster = { id: 1, device: 'd', metric: 'm', unit: 'x'.repeat(70_000) }
  const outcomes = [
    log.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 2) })),
    log.commit(changesOf({ names: [monster] })),
  ].map(settled)
  thread.handle()
  assert.deepEqual(await Promise.all(outcomes), ['durable', 'invalid-name'])
  const later = settled(log.commit(changesOf({ readings: countingReadings(2, 2) })))
  thread.handle()
  assert.equal(await later, 'durable')
  assert.deepEqual(await firstValues(log, 4), range(0, 4))
})

test('what the sender of a commit changes afterwards does not change the commit', async () => {
  const { log } = await openSimulatedLog()
  const books = booksOf(1)
  const committed = log.commit(changesOf({ books }))
  books.rowsAccepted = 99
  await committed
  await log.close()
})

test('close waits for the commits under way, and refuses later ones', async () => {
  const { log, thread, storage } = await openSimulatedLog()
  thread.isAutomatic = false
  const outcomes = range(0, 3).map((i) =>
    settled(log.commit(changesOf({ readings: countingReadings(i, 1) }))),
  )
  const closed = log.close()
  outcomes.push(settled(log.commit(changesOf({}))))
  assert.equal(log.status().state, 'closed')
  thread.handle()
  await closed
  await log.close()
  assert.deepEqual(await Promise.all(outcomes), ['durable', 'durable', 'durable', 'closed'])
  assert.equal(storage.openFiles, 0)
  const again = await openSimulatedLog({}, storage)
  assert.deepEqual(await firstValues(again.log, 3), range(0, 3))
})

test('consumers end when the log closes, though nobody aborts them', async () => {
  const { log } = await openSimulatedLog()
  await log.commit(changesOf({ readings: countingReadings(0, 3) }))
  const values: (number | string)[] = []
  const consumer = (async () => {
    for await (const d of log.consume('readings', 'a', reading, never)) values.push(...valuesOf([plain(d)]))
  })()
  await turn()
  await log.close()
  await consumer
  assert.deepEqual(values, range(0, 3))
})

test('when the log thread dies, what waits fails, consumers end, and nothing hangs', async () => {
  const { log, thread } = await openSimulatedLog()
  thread.isAutomatic = false
  const waiting = settled(log.commit(changesOf({})))
  const consumer = (async () => {
    for await (const _ of log.consume('readings', 'a', reading, never)) assert.fail()
  })()
  thread.crash(new Error('it broke'))
  assert.equal((await log.died).message, 'it broke')
  assert.equal(await waiting, 'internal')
  assert.equal(await settled(log.commit(changesOf({}))), 'internal')
  await consumer
  await log.close()
})

test('a consumer that waits at the end gets what is committed later', async () => {
  const { log } = await openSimulatedLog({ groups: ['reader'] })
  const values = firstValues(log, 6)
  for (let i = 0; i < 3; i++) {
    await turn()
    await log.commit(changesOf({ readings: countingReadings(i * 2, 2) }))
  }
  assert.deepEqual(await values, range(0, 6))
  await log.close()
})

test('retention goes by the slowest configured group, and others hold nothing back', async () => {
  const { log, thread, clock } = await openSimulatedLog({
    segmentBytes: 600,
    retentionSeconds: 10,
    groups: ['fast', 'slow'],
  })
  for (let i = 0; i < 10; i++) await log.commit(changesOf({ readings: countingReadings(i * 10, 10) }))
  clock.pass(100)
  const first = async () => {
    await turn()
    thread.check()
    return Number(log.status().first)
  }
  assert.deepEqual(await firstValues(log, 100, 'stranger'), range(0, 100))
  assert.equal(await first(), 0)
  await firstValues(log, 100, 'fast')
  assert.equal(await first(), 0)
  log.acknowledge('slow', 50)
  const some = await first()
  assert.ok(some > 10 && some <= 50, String(some))
  log.acknowledge('slow', 20)
  log.acknowledge('slow', 100)
  assert.ok((await first()) > 70)
  await log.close()
})

test('without configured groups retention waits for nobody', async () => {
  const { log, thread, clock } = await openSimulatedLog({ segmentBytes: 600, retentionSeconds: 10 })
  for (let i = 0; i < 10; i++) await log.commit(changesOf({ readings: countingReadings(i * 10, 10) }))
  clock.pass(100)
  await turn()
  thread.check()
  assert.ok(log.status().first > 0n)
  await log.close()
})

test('a group that comes while the log is open holds back what it needs until it has gone', async () => {
  const { log, thread, clock } = await openSimulatedLog({ segmentBytes: 600, retentionSeconds: 10 })
  for (let i = 0; i < 10; i++) await log.commit(changesOf({ readings: countingReadings(i * 10, 10) }))
  log.hold('replay', 30)
  clock.pass(100)
  const first = async () => {
    await turn()
    thread.check()
    return Number(log.status().first)
  }
  const held = await first()
  assert.ok(held > 10 && held <= 30, String(held))
  log.acknowledge('replay', 60)
  const later = await first()
  assert.ok(later > held && later <= 60, String(later))
  assert.deepEqual(await firstValues(log, 100 - later, 'replay'), range(later, 100))
  log.hold('replay', 0) // once more, from the beginning
  await log.commit(changesOf({ readings: countingReadings(100, 10) }))
  log.release('replay')
  assert.ok((await first()) > 90)
  await log.close()
})

test('one group reads one stream: its bound could not hold for two', async () => {
  const { log } = await openSimulatedLog()
  log.consume('readings', 'a', reading, never)
  assert.throws(() => log.consume('posts', 'a', reading, never), /group a reads readings/)
  await log.close()
})

test('the status tells what the log holds and has done', async () => {
  const { log, thread } = await openSimulatedLog()
  await log.commit(
    changesOf({
      readings: countingReadings(0, 3),
      documents: [documentsOf('posts', [{ key: '', body: '' }])],
    }),
  )
  thread.check()
  const { bytes, ...status } = log.status()
  assert.ok(bytes > 200)
  assert.deepEqual(status, {
    id: log.id,
    segments: 1,
    first: 0n,
    next: 4n,
    rows: { readings: 3, posts: 1 },
    commits: 1,
    syncs: 1,
    damagedFrames: 0,
    damagedPlaces: 0,
    newRenewals: 0,
    tornTails: 0,
    renewals: 0,
    state: 'open',
  })
  await log.close()
})

test('a full disk is said at once, and that it has space again at the next check', async () => {
  const { log, thread, storage } = await openSimulatedLog()
  storage.space = 10
  assert.equal(await settled(log.commit(changesOf({ readings: countingReadings(0, 100) }))), 'disk-full')
  assert.equal(log.status().state, 'disk-full')
  storage.space = 1e6
  thread.check()
  assert.equal(log.status().state, 'open')
  assert.equal(await settled(log.commit(changesOf({ readings: countingReadings(0, 1) }))), 'durable')
  await log.close()
})

test('what keeps a log from opening is told', async () => {
  const storage = new MemoryStorage({ random: seededRandom(1) })
  storage.failNth(1, { code: 'EACCES' }, 'makeFolder')
  await assert.rejects(openSimulatedLog({}, storage), { code: 'internal', message: /EACCES/ })
})

test('the intake is told of the names, ids and books to start from', async () => {
  const { log, storage } = await openSimulatedLog()
  assert.deepEqual(log.start, { names: [], series: 0, books: booksOf(0) })
  await log.commit(changesOf({ names: [nameOf(0), nameOf(1)], books: booksOf(7) }))
  await log.close()
  const again = await openSimulatedLog({}, storage)
  assert.deepEqual(again.log.start, { names: [nameOf(0), nameOf(1)], series: 2, books: booksOf(7) })
  assert.equal(again.log.id, log.id)
})

test('a sink that has taken more than the log holds gives it another id, under which everything is read', async () => {
  const first = await openSimulatedLog()
  await first.log.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 5) }))
  await first.log.close()
  const { log } = await openSimulatedLog({ groups: ['behind', 'ahead'] }, first.storage)
  const { id, renewed } = log
  const taken = (next: bigint) => ({ log: id, partition: 0, next })
  await log.admit('nothing', undefined)
  await log.admit('behind', taken(5n))
  assert.equal(log.id, id)
  // What is committed meanwhile hides nothing: the log ended at 5 when it was opened.
  await log.commit(changesOf({ readings: countingReadings(5, 5) }))
  await log.admit('behind', taken(10n))
  assert.equal(log.id, id, 'a sink that was right goes on')
  await Promise.all([log.admit('ahead', taken(7n)), log.admit('another', taken(8n))])
  assert.notEqual(log.id, id)
  assert.equal(log.status().renewals, 1)
  assert.ok(renewed.aborted)
  assert.match(String(renewed.reason), /ended at 5, and ahead has taken it up to 7/)
  assert.equal(log.renewed.aborted, false)
  const durable = await log.commit(changesOf({ readings: countingReadings(10, 5) }))
  assert.equal(durable.position.log, log.id)
  const values: (number | string)[] = []
  for await (const d of log.consume('readings', 'ahead', { ...reading, from: taken(7n) }, never)) {
    assert.equal(d.to.log, log.id)
    values.push(...valuesOf([plain(d)]))
    if (values.length >= 15) break
  }
  assert.deepEqual(values, range(0, 15))
  await log.close()
  const again = await openSimulatedLog({}, first.storage)
  assert.deepEqual([again.log.id, again.log.status().renewals], [log.id, 1])
})

test('nothing that sinks read again under another id is removed before they have it', async () => {
  const { log, thread, clock } = await openSimulatedLog({ segmentBytes: 500, groups: ['a', 'b'] })
  await log.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 20) }))
  for (let i = 20; i < 200; i += 20) await log.commit(changesOf({ readings: countingReadings(i, 20) }))
  log.acknowledge('a', 200)
  log.acknowledge('b', 150)
  await log.admit('b', { log: log.id, partition: 0, next: 1_000n })
  clock.pass(30 * 86_400)
  await turn()
  thread.check()
  assert.equal(log.status().first, 0n)
  for (const group of ['a', 'b']) log.acknowledge(group, 200)
  await turn()
  thread.check()
  assert.ok(log.status().first > 100n)
})

test('a log that cannot get another id says so each time, and lets no sink go on that is ahead of it', async () => {
  const { log, storage } = await openSimulatedLog()
  const ahead = { log: log.id, partition: 0, next: 9n }
  storage.fault = ({ operation }) => (operation === 'open' ? { code: 'ENOSPC' } : undefined)
  for (let i = 0; i < 2; i++) await assert.rejects(log.admit('sink', ahead), /got no new id/)
  storage.fault = undefined
  await log.admit('sink', ahead)
  assert.notEqual(log.id, ahead.log)
  const closing = log.admit('other', { ...ahead, log: log.id })
  await log.close()
  await Promise.allSettled([closing])
  await assert.rejects(log.admit('third', { ...ahead, log: log.id }), { code: 'closed' })
})
