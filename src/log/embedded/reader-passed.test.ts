import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countingReadings, documentsOf, nameOf } from '../../../test/support/log-changes.ts'
import { folder, WrittenLog } from '../../../test/support/written-log.ts'
import type { Passed } from '../../core/log.ts'
import { groupHeaderBytes } from './group.ts'
import { readStream, type Tail } from './reader.ts'

/** Reads posts to the end of the log, acknowledging them or not; returns how far it was said to be all of other streams. */
async function passedIn(log: WrittenLog, from: number | undefined, isAcking = true): Promise<bigint[]> {
  const done = new AbortController()
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond() {
      done.abort()
      return Promise.resolve()
    },
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const passed: bigint[] = []
  const options = {
    from: from === undefined ? undefined : { log: log.writer.id, partition: 0, next: BigInt(from) },
    maxRows: 100,
    lingerMs: 0,
    async onPassed({ position }: Passed) {
      passed.push(position.next)
    },
  }
  for await (const d of readStream(place, 'posts', options, () => {}, done.signal)) if (isAcking) d.ack()
  return passed
}

const post = { documents: [documentsOf('posts', [{ key: 'a', body: 'b'.repeat(100) }])] }

test('a reader at the end says how far there was nothing of its stream, once its own rows are held', async () => {
  const log = new WrittenLog()
  log.commit(post)
  log.commit({ names: [nameOf(0)], readings: countingReadings(0, 10) })
  assert.deepEqual(await passedIn(log, undefined), [11n])
  assert.deepEqual(await passedIn(log, undefined, false), [])
  assert.deepEqual(await passedIn(log, 11), [11n])
})

test('a reader of documents reads little of the readings between them, and no document less', async () => {
  const log = new WrittenLog()
  log.commit({ ...post, names: [nameOf(0)] })
  let bytesRead = 0
  const open = log.storage.open.bind(log.storage)
  log.storage.open = (file, mode) => {
    const opened = open(file, mode)
    const read = opened.read.bind(opened)
    opened.read = (into, at) => {
      const length = read(into, at)
      bytesRead += length
      return length
    }
    return opened
  }
  const done = new AbortController()
  let rounds = 0
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    async beyond() {
      if (rounds === 50) done.abort()
      else if (++rounds % 10 === 0) log.commit(post)
      else for (let i = 0; i < 10; i++) log.commit({ readings: countingReadings(i * 1000, 1000) })
    },
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const found: number[] = []
  const options = { from: undefined, maxRows: 100, lingerMs: 0 }
  for await (const { batch, running } of readStream(place, 'posts', options, () => {}, done.signal))
    found.push(running, batch.length)
  assert.deepEqual(found, [0, 1, 1, 1, 2, 1, 3, 1, 4, 1, 5, 1])
  assert.ok(bytesRead < log.writer.bytes / 10, `${bytesRead} of ${log.writer.bytes} bytes were read`)
})

test('a reader that rests after a batch hands over what came meanwhile as one', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const log = new WrittenLog()
  log.commit(post)
  const done = new AbortController()
  const place = {
    ...{ storage: log.storage, folder, log: log.writer.id },
    tail: { watermark: () => log.writer.watermark, beyond: () => Promise.reject(new Error('the log ends')) },
  }
  const options = { from: undefined, maxRows: 100, lingerMs: 0, restMs: 100 }
  const batches = readStream(place, 'posts', options, () => {}, done.signal)
  const nextLength = async () => {
    const result = await batches.next()
    return result.done === true ? undefined : result.value.batch.length
  }
  assert.equal(await nextLength(), 1, 'the first comes at once')
  log.commit(post)
  const next = nextLength()
  log.commit(post)
  log.commit(post)
  t.mock.timers.tick(100)
  assert.equal(await next, 3)
  const last = nextLength()
  done.abort()
  assert.equal(await last, undefined, 'a rest ends with the reader')
})

test('a sink that was handed more than recovery could count misses nothing that comes later', async () => {
  const log = new WrittenLog()
  log.commit(post)
  log.commit({ names: [nameOf(0)], readings: countingReadings(0, 10) })
  log.commit(post)
  const { next } = log.writer.watermark
  // As if the log had held two more, which damage has taken since: as many have come while the sink was away.
  const taken = 4
  log.commit(post)
  log.commit(post)
  const done = new AbortController()
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    async beyond() {
      done.abort()
    },
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const from = { log: log.writer.id, partition: 0, next: BigInt(next) }
  const numbers: bigint[] = []
  for await (const { to } of readStream(
    place,
    'posts',
    { from, taken, maxRows: 1, lingerMs: 0 },
    () => {},
    done.signal,
  ))
    numbers.push(to.next)
  assert.deepEqual(numbers, [BigInt(next) + 1n, BigInt(next) + 2n])
})

test('where damage may have taken rows of its stream that nobody has counted yet, a reader says nothing', async () => {
  const log = new WrittenLog()
  log.commit(post)
  const [file = ''] = log.files
  log.commit(post)
  const at = log.writer.watermark.end
  log.commit({ names: [nameOf(0)], readings: countingReadings(0, 10) })
  log.storage.rot(file, at + groupHeaderBytes + 5)
  assert.deepEqual(await passedIn(log, undefined), [])
  log.commit({})
  assert.deepEqual(await passedIn(log, undefined), [13n], 'what follows tells')
})
