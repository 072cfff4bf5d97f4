import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingReadings, documentsOf, nameOf } from '../../../test/support/log-changes.ts'
import { damagedOf, type Read, valuesOf } from '../../../test/support/log-reading.ts'
import { folder, range, WrittenLog } from '../../../test/support/written-log.ts'
import type { Passed } from '../../core/log.ts'
import { readStream, type Tail } from './reader.ts'
import { listSegments } from './segment.ts'

const expiredOf = (all: readonly Read[]) => all.reduce((sum, { expired }) => sum + expired, 0)

/** Ten values a commit, and the numbers at which its segments begin. */
function logOf(commits: number): { log: WrittenLog; firsts: number[] } {
  const log = new WrittenLog({ segmentBytes: 1_500 })
  for (let i = 0; i < commits; i++) log.count(10)
  const firsts = listSegments(log.storage, folder).map(({ first }) => first)
  assert.ok(firsts.length > 4)
  return { log, firsts }
}

/** Removes segments, as retention or somebody's hand does. */
function remove(log: WrittenLog, from: number, to: number): void {
  for (const file of log.files.slice(from, to)) log.storage.remove(file)
}

/** What a reader of a stream says where the log ends, the first time. */
async function passedBy(log: WrittenLog, stream: string, from: number | undefined, taken: number) {
  const done = new AbortController()
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond() {
      done.abort()
      return Promise.resolve()
    },
  }
  const all: Omit<Passed, 'position'>[] = []
  const options = {
    from: from === undefined ? undefined : { log: log.writer.id, partition: 0, next: BigInt(from) },
    taken,
    maxRows: 100,
    lingerMs: 0,
    async onPassed({ running, damaged, expired }: Passed) {
      all.push({ running, damaged, expired })
    },
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  for await (const delivery of readStream(place, stream, options, () => {}, done.signal)) delivery.ack()
  return all
}

test('rows that are gone behind a position are counted as lost, exactly, whatever numbers lie between', async () => {
  const { log, firsts } = logOf(60)
  const [, , third = 0] = firsts
  remove(log, 0, 2)
  for (const from of [0, 1, 10, 15, third - 1, third, third + 5]) {
    const all = await log.read({ from, taken: from })
    assert.equal(damagedOf(all), Math.max(0, third - from), `from ${from}`)
    assert.equal(expiredOf(all), 0)
    assert.deepEqual(valuesOf(all), range(Math.max(from, third), 600))
  }
})

test('rows of other streams among those that are gone do not count', async () => {
  const log = new WrittenLog({ segmentBytes: 1_500 })
  log.commit({ names: [nameOf(0)], readings: countingReadings(0, 10) })
  const post = documentsOf('posts', [{ key: 'k', body: 'b'.repeat(200) }])
  for (let i = 1; i < 60; i++) log.commit({ readings: countingReadings(i * 10, 10), documents: [post] })
  remove(log, 0, 3)
  const [first = Number.NaN] = listSegments(log.storage, folder).map((segment) => segment.first)
  // A post follows every ten readings but the first ten.
  const readings = first - Math.floor((first - 10) / 11)
  assert.equal(damagedOf(await log.read({ from: 10, taken: 10 })), readings - 10)
  assert.equal(damagedOf(await log.read({ stream: 'posts', from: 10, taken: 0 })), first - readings)
})

test('a segment that is gone from the middle is counted from where the sink stood', async () => {
  const { log, firsts } = logOf(60)
  const [, second = 0, third = 0] = firsts
  remove(log, 1, 2)
  for (const from of [0, second, second + 7]) {
    assert.equal(damagedOf(await log.read({ from, taken: from })), third - Math.max(from, second))
  }
})

test('whoever comes to a log for the first time is told what had been removed before, and it is no damage', async () => {
  const { log, firsts } = logOf(60)
  remove(log, 0, 2)
  const all = await log.read({ taken: 0, maxRows: 50 })
  assert.deepEqual([expiredOf(all), damagedOf(all)], [firsts[2], 0])
  assert.equal(all[0]?.expired, firsts[2], 'with the first rows')
  assert.deepEqual(valuesOf(all), range(firsts[2] ?? 0, 600))
  assert.equal(expiredOf(await log.read()), 0, 'who keeps no books is told nothing')
})

test('what is lost is told where the log ends, though no row of the stream follows it', async () => {
  const log = new WrittenLog({ segmentBytes: 1_500 })
  log.commit({ documents: [documentsOf('posts', [{ key: 'a', body: '' }])] })
  log.commit({ documents: [documentsOf('posts', [{ key: 'b', body: '' }])] })
  for (let i = 0; i < 60; i++) log.count(10)
  assert.deepEqual(await passedBy(log, 'posts', 1, 1), [{ running: 2, damaged: 0, expired: 0 }])
  remove(log, 0, 2)
  assert.deepEqual(await passedBy(log, 'posts', 1, 1), [{ running: 2, damaged: 1, expired: 0 }])
  assert.deepEqual(await passedBy(log, 'posts', undefined, 0), [{ running: 2, damaged: 0, expired: 2 }])
  assert.deepEqual(await passedBy(log, 'posts', 2, 2), [{ running: 2, damaged: 0, expired: 0 }])
})

test('what is lost between two segments is told with the rows behind it, never with those before', async () => {
  const { log, firsts } = logOf(60)
  const [, second = 0, third = 0] = firsts
  remove(log, 1, 2)
  const all = await log.read({ taken: 0, maxRows: 10_000 })
  assert.deepEqual(
    all.map(({ to, damaged }) => [to, damaged]),
    [
      [second, 0],
      [600, third - second],
    ],
  )
})
