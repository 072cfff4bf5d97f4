import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import {
  changesOf,
  countingReadings,
  documentsOf,
  nameOf,
  readingsOf,
} from '../../../test/support/log-changes.ts'
import { damagedOf, rowsOf, valuesOf } from '../../../test/support/log-reading.ts'
import { groupsOf, rotCommit } from '../../../test/support/rotten-log.ts'
import { folder, range, WrittenLog } from '../../../test/support/written-log.ts'
import { formatVersion, groupHeaderBytes, maskOf } from './group.ts'
import type { Damage } from './group-walk.ts'
import { findSalt, listSegments, segmentHeaderBytes } from './segment.ts'

const mega = 2 ** 20

test('a flipped bit costs its commit and not the neighbours, and the running count tells how many rows', async () => {
  for (const at of [0, 5, 13, 20, groupHeaderBytes, groupHeaderBytes + 30, 150]) {
    const log = new WrittenLog()
    for (let i = 0; i < 5; i++) log.count(10)
    rotCommit(log, log.files[0] ?? '', 2, at)
    log.killAndStart()
    assert.equal(log.writer.damagedFrames, 1)
    assert.equal(log.writer.tornTails, 0)
    const all = await log.read()
    assert.deepEqual(valuesOf(all), [...range(0, 20), ...range(30, 50)])
    assert.equal(damagedOf(all), 10)
    assert.equal(log.count(1), 51, 'numbering goes on')
  }
})

test('damage is counted by whoever passes it, and by nobody who started behind it', async () => {
  const log = new WrittenLog()
  for (let i = 0; i < 5; i++) log.count(10)
  rotCommit(log, log.files[0] ?? '', 1)
  for (const from of [0, 5, 9, 10]) assert.equal(damagedOf(await log.read({ from })), 10, `from ${from}`)
  for (const from of [20, 21, 29, 30, 45, 50])
    assert.equal(damagedOf(await log.read({ from })), 0, `from ${from}`)
  // Batch by batch, as a sink does that restarts after every one.
  let from = 0
  let damaged = 0
  for (;;) {
    const [first] = await log.read({ from, maxRows: 7 })
    if (!first) break
    damaged += first.damaged
    from = first.to
  }
  assert.equal(damaged, 10)
})

test('rows lost at the end of a segment are counted with the next one, once', async () => {
  const log = new WrittenLog({ segmentBytes: 1000 })
  for (let i = 0; i < 12; i++) log.count(10)
  const [first = '', second = ''] = log.files
  const lastOfFirst = groupsOf(log, first).length - 2
  rotCommit(log, first, lastOfFirst)
  const firstOfSecond = groupsOf(log, second)[0]
  const lost = (firstOfSecond?.number ?? 0) - 10
  const all = await log.read({ maxRows: 10 })
  assert.equal(damagedOf(all), 10)
  assert.equal(all.find(({ damaged }) => damaged > 0)?.from, lost)
  const later = await log.read({ from: lost, maxRows: 10 })
  assert.equal(damagedOf(later), 10)
  assert.equal(damagedOf(await log.read({ from: lost + 10 })), 0)
})

test('a reader tells where the damage lies, also where it has taken no row', async () => {
  const log = new WrittenLog({ segmentBytes: 1_500 })
  const edit = { device: 'd0', metric: undefined, from: 0, to: 1, patch: undefined }
  log.count(10)
  log.commit({ edits: [edit] })
  log.count(10)
  const [file = ''] = log.files
  const taken = groupsOf(log, file)[2]
  assert.ok(taken)
  const place = { file: path.basename(file), offset: taken.offset, bytes: taken.length }
  rotCommit(log, file, 1)
  assert.deepEqual(await told(log), [place], 'in the segment being written')
  while (log.files.length < 2) log.count(10)
  assert.deepEqual(await told(log), [place], 'in a closed segment')
  assert.deepEqual(await told(log, 'posts'), [place], 'by whatever reader passes')
  assert.equal(damagedOf(await log.read()), 0)
})

test('what lies behind the end of a closed segment is told as damage only where numbers are missing', async () => {
  const log = new WrittenLog({ segmentBytes: 1_500 })
  while (log.files.length < 2) log.count(10)
  const [file = ''] = log.files
  const end = log.bytes(file).length
  const open = log.storage.open(file, 'write')
  open.write([new Uint8Array(200).fill(7)], end)
  open.close()
  assert.deepEqual(await told(log), [], 'the void rest of a failed write')
  const last = groupsOf(log, file).at(-1)
  log.storage.rot(file, (last?.offset ?? 0) + groupHeaderBytes + 5)
  assert.deepEqual(
    (await told(log)).map(({ offset }) => offset),
    [last?.offset],
  )
})

async function told(log: WrittenLog, stream = 'readings'): Promise<Damage[]> {
  const damage: Damage[] = []
  await log.read({ stream, onDamage: (one) => damage.push(one) })
  return damage
}

test('documents are counted by their own stream', async () => {
  const log = new WrittenLog()
  const post = (i: number) => documentsOf('posts', [{ key: String(i), body: '' }])
  for (let i = 0; i < 4; i++) log.commit({ readings: countingReadings(i * 5, 5), documents: [post(i)] })
  rotCommit(log, log.files[0] ?? '', 1)
  assert.equal(damagedOf(await log.read()), 5)
  const posts = await log.read({ stream: 'posts' })
  assert.equal(damagedOf(posts), 1)
  assert.deepEqual(
    posts.flatMap(({ documents }) => documents.map(({ key }) => key)),
    ['0', '2', '3'],
  )
})

test('a damaged header costs nothing: every row is read, the log keeps its id and goes on in a new segment', async () => {
  for (let at = 0; at < segmentHeaderBytes; at += 1) {
    const log = new WrittenLog({ segmentBytes: 2000 })
    for (let i = 0; i < 20; i++) log.count(10)
    const { id } = log.writer
    log.storage.rot(log.files.at(-1) ?? '', at, 0x20)
    log.killAndStart()
    assert.equal(log.writer.id, id)
    // Some bytes say nothing that counts, but the CRC is over all of them.
    assert.equal(log.writer.damagedFrames, 1, `byte ${at}`)
    log.count(10)
    assert.deepEqual(await log.readValues(), range(0, 210), `byte ${at}`)
  }
})

test('the only header may be damaged, when the names file is there to tell the salt', async () => {
  const log = new WrittenLog()
  for (let i = 0; i < 3; i++) log.count(10)
  log.writer.check(undefined)
  const { id } = log.writer
  log.storage.rot(log.files[0] ?? '', 20)
  log.killAndStart()
  assert.equal(log.writer.id, id)
  assert.deepEqual(await log.readValues(), range(0, 30))
})

test('a damaged checkpoint costs no row, and no count', async () => {
  const log = new WrittenLog({ segmentBytes: 2000 })
  log.commit({ documents: [documentsOf('posts', [{ key: 'a', body: '' }])] })
  for (let i = 0; i < 20; i++) log.count(10)
  assert.ok(log.files.length > 2)
  for (const file of log.files) {
    rotCommit(log, file, -1)
    log.killAndStart()
    const all = await log.read()
    assert.deepEqual(valuesOf(all), range(0, 200))
    assert.equal(damagedOf(all), 0)
    assert.deepEqual(log.writer.rows, new Map(Object.entries({ posts: 1, readings: 200 })))
  }
  log.count(10)
  assert.deepEqual(await log.readValues(), range(0, 210))
})

test('a torn tail is dropped: what came before stays, numbering jumps, and stays where it jumped to', async () => {
  for (const keep of [8, groupHeaderBytes - 1, groupHeaderBytes, 200]) {
    const log = new WrittenLog()
    for (let i = 0; i < 3; i++) log.count(10)
    const file = log.files[0] ?? ''
    const last = groupsOf(log, file).at(-1)
    const open = log.storage.open(file, 'write')
    open.truncate((last?.offset ?? 0) + keep)
    open.close()
    log.values = 20
    log.killAndStart()
    assert.equal(log.writer.tornTails, 1)
    assert.equal(log.writer.damagedFrames, 0)
    // A sink may have taken rows beyond 20. It must not meet their numbers again, not even after another start.
    for (let i = 0; i < 3; i++) log.killAndStart()
    assert.equal(log.writer.tornTails, 0)
    assert.equal(log.writer.watermark.next, mega)
    assert.equal(log.count(10), mega + 10)
    const all = await log.read()
    assert.deepEqual(
      rowsOf(all).map(({ number }) => number),
      [...range(0, 20), ...range(mega, mega + 10)],
    )
    assert.deepEqual(await log.readValues({ from: 25 }), range(20, 30))
    assert.equal(damagedOf(all), 0)
  }
})

test('commits behind a torn one are dropped with it, for they may build on it', async () => {
  const log = new WrittenLog()
  log.count(10)
  // One flush of three commits, of which a power loss has torn the first.
  for (const from of [10, 20, 30]) log.writer.append(changesOf({ readings: countingReadings(from, 10) }))
  log.writer.flush()
  rotCommit(log, log.files[0] ?? '', 1)
  log.killAndStart()
  assert.equal(log.writer.tornTails, 1)
  assert.deepEqual(await log.readValues(), range(0, 10))
  log.values = 10
  log.count(10)
  assert.deepEqual(await log.readValues(), range(0, 20))
})

test('after a close in order, damage of the last commit is damage and no torn tail', async () => {
  const log = new WrittenLog()
  for (let i = 0; i < 3; i++) log.count(10)
  log.writer.close()
  rotCommit(log, log.files[0] ?? '', 2)
  log.start()
  assert.equal(log.writer.tornTails, 0)
  assert.equal(log.writer.damagedFrames, 1)
  log.count(10)
  const all = await log.read()
  assert.deepEqual(valuesOf(all), [...range(0, 20), ...range(30, 40)])
  assert.equal(damagedOf(all), 10)
})

test('names of a damaged commit are known from the names file', async () => {
  const log = new WrittenLog()
  log.commit({ names: [nameOf(0)] })
  log.commit({ names: [nameOf(1)], readings: readingsOf([{ series: 1, value: 1 }]) })
  log.commit({ readings: readingsOf([{ series: 1, value: 2 }]) })
  log.writer.check(undefined)
  rotCommit(log, log.files[0] ?? '', 1)
  log.killAndStart()
  assert.deepEqual([...log.writer.dictionary.entries()], [nameOf(0), nameOf(1)])
  assert.deepEqual(await log.readValues(), [2])
})

test('rows whose name is lost are counted as damaged, and their id is not given to another', async () => {
  const log = new WrittenLog()
  log.commit({ names: [nameOf(0)], readings: readingsOf([{ series: 0, value: 0 }]) })
  log.commit({ names: [nameOf(1)], readings: readingsOf([{ series: 1, value: 1 }]) })
  log.commit({
    readings: readingsOf([
      { series: 1, value: 2, text: 'lost', flags: 2 },
      { series: 0, value: 3, text: 'kept', flags: 2 },
      { series: 1, value: 4 },
      { series: 0, value: 5 },
    ]),
  })
  log.commit({ readings: readingsOf([{ series: 1, value: 6 }]) })
  log.commit({})
  rotCommit(log, log.files[0] ?? '', 1)
  log.killAndStart()
  assert.equal(log.writer.dictionary.size, 2)
  assert.equal(log.writer.dictionary.get(1), undefined)
  log.commit({ names: [nameOf(2)], readings: readingsOf([{ series: 2, value: 7 }]) })
  for (const maxRows of [1, 2, 3, 100]) {
    const all = await log.read({ maxRows })
    assert.deepEqual(
      rowsOf(all).map(({ device, value }) => [device, value]),
      [
        ['device 0', 0],
        ['device 0', 'kept'],
        ['device 0', 5],
        ['device 2', 7],
      ],
    )
    assert.equal(damagedOf(all), 4)
  }
})

test('a log of a newer Sluice is refused in clear words', () => {
  const log = new WrittenLog()
  log.count(1)
  const file = log.files[0] ?? ''
  const header = Buffer.from(log.bytes(file).subarray(0, segmentHeaderBytes))
  header.write('02', 6)
  header.writeUInt32LE(crc32(header.subarray(0, 60)), 60)
  const open = log.storage.open(file, 'write')
  open.write([header], 0)
  open.close()
  assert.throws(() => log.killAndStart(), { code: 'log-version', message: /was written by a newer Sluice/ })
})

test('a commit of a newer Sluice is refused in clear words', () => {
  const log = new WrittenLog()
  log.count(1)
  const file = log.files[0] ?? ''
  const salt = findSalt(log.storage, listSegments(log.storage, folder)) ?? 0
  const last = groupsOf(log, file).at(-1)
  const { offset = 0, length = 0 } = last ?? {}
  const group = Buffer.from(log.bytes(file).subarray(offset, offset + length))
  group.writeUInt16LE(formatVersion + 1, 12)
  group.writeUInt32LE((crc32(group.subarray(12), salt) ^ maskOf(offset)) >>> 0, 8)
  const open = log.storage.open(file, 'write')
  open.write([group], offset)
  open.close()
  assert.throws(() => log.killAndStart(), { code: 'log-version' })
})

test('bytes of a sender that look like a commit are none, even where their own commit is torn', async () => {
  const other = new WrittenLog()
  other.commit({
    names: [{ id: 0, device: 'forged', metric: 'm', unit: '' }],
    readings: countingReadings(666, 3),
  })
  other.commit({})
  const forged = other.bytes(other.files[0] ?? '').subarray(segmentHeaderBytes)
  const log = new WrittenLog({}, 2)
  log.count(5)
  const key = { offsets: new Uint32Array(9), bytes: new Uint8Array(0) }
  // The payload at every alignment.
  const shifted = range(0, 8).map((i) => Buffer.concat([Buffer.alloc(i), forged]))
  const offsets = new Uint32Array(9)
  shifted.forEach(({ length }, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + length
  })
  const body = { offsets, bytes: Buffer.concat(shifted) }
  log.commit({ documents: [{ stream: 'messages', length: 8, time: new Float64Array(8), key, body }] })
  log.commit({})
  rotCommit(log, log.files[0] ?? '', 1)
  log.killAndStart()
  assert.deepEqual(await log.readValues(), range(0, 5))
  assert.equal(log.writer.dictionary.get(0)?.device, 'device 0')
})

test('whatever bits rot, the log starts, delivers no garbage, and counts what it cannot deliver', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    async (flips, hasNamesFile) => {
      const log = new WrittenLog({ segmentBytes: 1500 })
      for (let i = 0; i < 12; i++) {
        if (hasNamesFile && i === 3) log.writer.check(undefined)
        log.count(9)
      }
      log.writer.close()
      const all = [...log.files, ...(hasNamesFile ? [`${folder}/series.names`] : [])]
      for (const [which, at, bits] of flips) {
        const file = all[which % all.length] ?? ''
        log.storage.rot(file, at % log.bytes(file).length, bits)
      }
      log.start()
      // The first commit after a start shows what was lost at the end.
      const number = log.commit({ names: [nameOf(1)], readings: readingsOf([{ series: 1, value: -1 }]) })
      assert.ok(number > 0)
      const read = await log.read()
      const values = valuesOf(read)
      assert.equal(values.pop(), -1)
      for (const row of rowsOf(read).slice(0, -1)) {
        assert.equal(row.number, row.value)
        assert.equal(row.device, 'device 0')
        assert.equal(row.quality, 192)
      }
      assert.deepEqual(
        values,
        [...new Set(values)].sort((a, b) => Number(a) - Number(b)),
      )
      // Nothing is lost silently but a tail that could not be told from a torn one.
      if (log.writer.tornTails === 0) assert.equal(values.length + damagedOf(read), 108)
      log.killAndStart()
      assert.deepEqual((await log.readValues()).slice(0, -1), values)
    },
  )
  await fc.assert(property, { numRuns: 300 })
})
