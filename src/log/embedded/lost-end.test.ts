import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { changesOf, countingReadings, nameOf } from '../../../test/support/log-changes.ts'
import { damagedOf, rowsOf } from '../../../test/support/log-reading.ts'
import { MemoryStorage } from '../../../test/support/memory-storage.ts'
import { seededRandom } from '../../../test/support/random.ts'
import { openSimulatedLog } from '../../../test/support/simulated-log.ts'
import { folder, range, WrittenLog } from '../../../test/support/written-log.ts'
import { listSegments, segmentHeaderBytes } from './segment.ts'

// The end of a log that was closed in order is lost with its last file. Sinks have seen its numbers.

const mega = 2 ** 20

function cut(storage: MemoryStorage, file: string, size: number): void {
  const open = storage.open(file, 'write')
  open.truncate(size)
  open.close()
}

const firstOf = (file: string) => Number(path.basename(file).slice(0, 16))

test('behind a last segment that was emptied, or cut before its checkpoint ends, numbering jumps and stays where it jumped to', async () => {
  for (const size of [0, 30, segmentHeaderBytes, segmentHeaderBytes + 8]) {
    const log = new WrittenLog({ segmentBytes: 2_000 })
    while (log.files.length < 3) log.count(10)
    log.writer.close()
    const file = log.files.at(-1) ?? ''
    cut(log.storage, file, size)
    log.start()
    assert.deepEqual([log.writer.tornTails, log.writer.watermark.next], [1, mega], `${size} bytes`)
    for (let i = 0; i < 2; i++) log.killAndStart()
    assert.deepEqual([log.writer.tornTails, log.writer.watermark.next], [0, mega], `${size} bytes`)
    log.values = firstOf(file)
    assert.equal(log.count(10), mega + 10)
    const all = await log.read()
    assert.deepEqual(
      rowsOf(all).map(({ number }) => number),
      [...range(0, firstOf(file)), ...range(mega, mega + 10)],
    )
    assert.equal(damagedOf(all), 0)
  }
})

/** A log of three segments, closed in order; the last one's file. */
async function closedLog(): Promise<{ storage: MemoryStorage; file: string; id: string; next: bigint }> {
  const storage = new MemoryStorage({ random: seededRandom(1) })
  const { log } = await openSimulatedLog({ segmentBytes: 2_000 }, storage)
  const segments = () => listSegments(storage, folder)
  await log.commit(changesOf({ names: [nameOf(0)], readings: countingReadings(0, 10) }))
  for (let i = 10; segments().length < 3; i += 10)
    await log.commit(changesOf({ readings: countingReadings(i, 10) }))
  const { id } = log
  const { next } = log.status()
  await log.close()
  return { storage, file: segments().at(-1)?.file ?? '', id, next }
}

test('a last segment that was deleted leaves a whole log that ends early: a sink past that end gives it another id', async () => {
  const { storage, file, id, next } = await closedLog()
  storage.remove(file)
  const { log } = await openSimulatedLog({ groups: ['lagging', 'whole'] }, storage)
  assert.deepEqual([log.id, log.status().next], [id, BigInt(firstOf(file))])
  await log.admit('lagging', { log: id, partition: 0, next: 5n })
  assert.equal(log.id, id)
  await log.admit('whole', { log: id, partition: 0, next })
  assert.notEqual(log.id, id)
  await log.close()
})

test('a sink past even the jump behind an emptied segment gives the log another id, one below it goes on', async () => {
  const { storage, file, id, next } = await closedLog()
  cut(storage, file, 0)
  const { log } = await openSimulatedLog({ groups: ['below', 'past'] }, storage)
  assert.equal(log.status().next, BigInt(mega))
  await log.admit('below', { log: id, partition: 0, next })
  assert.equal(log.id, id)
  await log.admit('past', { log: id, partition: 0, next: BigInt(mega) + 1n })
  assert.notEqual(log.id, id)
  await log.close()
})
