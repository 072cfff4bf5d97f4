import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { documentsOf } from '../../../test/support/log-changes.ts'
import { damagedOf, valuesOf } from '../../../test/support/log-reading.ts'
import { asFormatOne, groupsOf, rotCommit } from '../../../test/support/rotten-log.ts'
import { folder, WrittenLog } from '../../../test/support/written-log.ts'
import { repairLog } from './repair.ts'
import { verifyLog } from './verify.ts'

const names = `${folder}/series.names`
const post = (key: string) => documentsOf('posts', [{ key, body: '' }])

/** Four segments of commits of ten readings, and posts between. */
function written(sectorBytes?: number): WrittenLog {
  const log = new WrittenLog({ segmentBytes: 2_500 }, 1, sectorBytes)
  while (log.files.length < 4) {
    log.count(10)
    log.commit({ documents: [post(String(log.values))] })
  }
  log.count(10)
  log.writer.close()
  return log
}

const repair = (log: WrittenLog) => repairLog(log.storage, log.clock, folder)

function truncate(log: WrittenLog, file: string, size: number): void {
  const open = log.storage.open(file, 'write')
  open.truncate(size)
  open.sync()
  open.close()
}

/** What sinks are given that begin at the beginning, or have taken some, and what they count as damaged. */
async function given(log: WrittenLog): Promise<unknown[]> {
  const all: unknown[] = []
  for (const stream of ['readings', 'posts']) {
    for (const from of [undefined, 22, 65]) {
      const taken =
        from === undefined ? 0 : stream === 'posts' ? Math.floor(from / 11) : from - Math.floor(from / 11)
      const read = await log.read({ stream, from, taken })
      const keys = read.flatMap(({ documents }) => documents.map(({ key }) => key))
      all.push({ stream, from, values: valuesOf(read), keys, damaged: damagedOf(read) })
    }
  }
  return all
}

const damages: readonly { what: string; damage(log: WrittenLog): void }[] = [
  { what: 'a commit', damage: (log) => rotCommit(log, log.files[0] ?? '', 2) },
  {
    what: 'the last commit of a segment',
    damage: (log) => rotCommit(log, log.files[1] ?? '', groupsOf(log, log.files[1] ?? '').length - 2),
  },
  {
    what: 'commits of the last segment',
    damage(log) {
      rotCommit(log, log.files[3] ?? '', 0)
      rotCommit(log, log.files[3] ?? '', 0)
    },
  },
  { what: 'a header', damage: (log) => log.storage.rot(log.files[1] ?? '', 20) },
  { what: 'the last header', damage: (log) => log.storage.rot(log.files[3] ?? '', 20) },
  { what: 'a checkpoint', damage: (log) => rotCommit(log, log.files[2] ?? '', -1) },
  {
    what: 'a checkpoint and the commit behind it',
    damage(log) {
      rotCommit(log, log.files[2] ?? '', -1)
      log.storage.rot(log.files[2] ?? '', (groupsOf(log, log.files[2] ?? '')[0]?.offset ?? 0) + 60)
    },
  },
  { what: 'a segment that was emptied', damage: (log) => truncate(log, log.files[1] ?? '', 0) },
  { what: 'a segment that was cut', damage: (log) => truncate(log, log.files[1] ?? '', 1_000) },
  { what: 'a segment that is gone', damage: (log) => log.storage.remove(log.files[2] ?? '') },
  { what: 'names', damage: (log) => log.storage.rot(names, 30) },
  { what: 'no names', damage: (log) => log.storage.remove(names) },
]

for (const { what, damage } of damages) {
  for (const format of [1, 2]) {
    test(`${what} in a log of format ${format}: it is whole after a repair, and sinks are given and miss the same`, async () => {
      const before = written()
      if (format === 1) for (const file of before.files) asFormatOne(before, file)
      damage(before)
      before.start()
      before.commit({ readings: undefined, documents: [post('end')] })
      const expected = await given(before)

      const log = written()
      if (format === 1) for (const file of log.files) asFormatOne(log, file)
      damage(log)
      const { rewritten, after } = repair(log)
      assert.deepEqual(after.faults, [])
      assert.notDeepEqual(rewritten, [])
      assert.deepEqual(repair(log).rewritten, [], 'nothing is left to do')
      log.start()
      assert.deepEqual([log.writer.damagedFrames, log.writer.tornTails], [0, 0])
      log.commit({ documents: [post('end')] })
      assert.deepEqual(await given(log), expected)
      assert.deepEqual(Object.fromEntries(log.writer.rows), Object.fromEntries(before.writer.rows))
      const told: unknown[] = []
      await log.read({ onDamage: (one) => told.push(one) })
      assert.deepEqual(told, [], 'readers do not come upon it again')
    })
  }
}

test('what is damaged is kept beside the log', () => {
  const log = written()
  const [file = ''] = log.files
  const { offset, length } = rotCommit(log, file, 2)
  const bytes = log.bytes(file).slice(offset, offset + length)
  const { setAside } = repair(log)
  assert.deepEqual(setAside, [`${folder}/damaged/${path.basename(file)}@${offset}`])
  assert.deepEqual(log.bytes(setAside[0] ?? ''), bytes)
  assert.deepEqual(verifyLog(log.storage, folder).setAside, [
    {
      kind: 'commits',
      file: path.basename(file),
      offset,
      bytes: 0,
      from: 11,
      to: 21,
      rows: { readings: 10 },
    },
  ])
})

test('the end of the last segment stays as it is, for the next start to judge', async () => {
  const log = written()
  const file = log.files[3] ?? ''
  rotCommit(log, file, 0)
  const last = groupsOf(log, file).at(-1)
  truncate(log, file, (last?.offset ?? 0) + 20)
  const { tailBytes } = verifyLog(log.storage, folder)
  assert.equal(tailBytes, 20)
  assert.equal(repair(log).after.tailBytes, 20)
  log.start()
  assert.equal(log.writer.tornTails, 1)
})

test('without any salt nothing is touched', () => {
  const log = new WrittenLog()
  log.count(10)
  log.writer.close()
  log.storage.rot(log.files[0] ?? '', 20)
  const bytes = log.bytes(log.files[0] ?? '')
  const { rewritten, after } = repair(log)
  assert.deepEqual(rewritten, [])
  assert.equal(after.faults.length > 0, true)
  assert.deepEqual(log.bytes(log.files[0] ?? ''), bytes)
})

test('a machine that stops in the middle of a repair leaves a log that the next one makes whole, with nothing lost', async () => {
  const damage = (log: WrittenLog) => {
    rotCommit(log, log.files[0] ?? '', 2)
    log.storage.rot(log.files[1] ?? '', 20)
    rotCommit(log, log.files[2] ?? '', -1)
    log.storage.rot(names, 30)
  }
  const whole = written()
  damage(whole)
  repair(whole)
  whole.start()
  const expected = await given(whole)
  let stops = 0
  for (let at = 1; ; at++) {
    const log = written(64)
    damage(log)
    // Whatever the tests have done to the disk is on it.
    log.storage.losePower('none')
    log.storage.stopNth(at)
    try {
      repair(log)
    } catch (error) {
      if (!log.storage.isStopped) throw error
    }
    if (!log.storage.isStopped) break
    stops++
    log.storage.losePower()
    assert.deepEqual(repair(log).after.faults, [], `stopped at ${at}`)
    log.start()
    assert.deepEqual(await given(log), expected, `stopped at ${at}`)
  }
  assert.ok(stops > 20, `${stops} stops`)
})

test('a sink whose position lies in a hole counts what it misses of it, wherever in the hole the log takes it to have been', async () => {
  const log = written()
  const [first = '', second = ''] = log.files
  // The end of one segment and all of the next.
  truncate(log, first, groupsOf(log, first).at(-4)?.offset ?? 0)
  const border = groupsOf(log, second)[0]?.number
  truncate(log, second, 0)
  repair(log)
  const numbers = Array.from({ length: log.writer.watermark.next }, (_, number) => number)
  for (const stream of ['readings', 'posts']) {
    // Ten readings and a post in turn, a number each.
    const ours = numbers.filter((number) => (number % 11 === 10) === (stream === 'posts'))
    const read = await log.read({ stream, taken: 0 })
    const lost = damagedOf(read)
    assert.ok(lost > 2)
    const there = new Set(
      read.flatMap(({ rows, documents }) => [...rows, ...documents].map(({ number }) => number)),
    )
    const missing = ours.filter((number) => !there.has(number))
    assert.equal(lost, missing.length)
    for (const from of numbers.slice(border)) {
      const taken = ours.filter((number) => number < from).length
      const missed = missing.filter((number) => number >= from).length
      assert.equal(damagedOf(await log.read({ stream, from, taken })), missed, `${stream} from ${from}`)
    }
  }
})
