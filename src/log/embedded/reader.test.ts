import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  changesOf,
  countingReadings,
  documentsOf,
  nameOf,
  type PlainRow,
  readingsOf,
} from '../../../test/support/log-changes.ts'
import { plain, type Read, readAll, rowsOf, valuesOf } from '../../../test/support/log-reading.ts'
import { folder, range, WrittenLog } from '../../../test/support/written-log.ts'
import { byNumber, isText } from '../../core/batch.ts'
import { readStream, type Tail } from './reader.ts'

const documentsRead = (all: readonly Read[]) =>
  all.flatMap(({ documents }) => documents.map(({ key, time, body }) => ({ key, time, body })))

test('readings come back with text, extra, quality, flags and names as they went in', async () => {
  const log = new WrittenLog()
  const rows: PlainRow[] = [
    { series: 0, time: 1.7e15 + 1, value: 20.5, quality: 192, flags: byNumber },
    { series: 1, time: -5, value: Number.NaN, flags: isText, text: 'schön \u{1f321}', quality: 0 },
    { series: 0, time: 2 ** 53, value: -0, extra: '{"source_timestamp":"x"}', quality: 64 },
    { series: 1, time: 0, value: Number.NaN, flags: isText, text: '' },
    { series: 0, value: Number.MAX_VALUE, extra: '{"a":[]}' },
  ]
  log.commit({ names: [nameOf(0, '°C'), nameOf(1)], readings: readingsOf(rows) })
  log.commit({ readings: readingsOf([{ series: 1, value: 1 }]) })
  const all = await log.read()
  assert.equal(all.length, 1, 'the two commits are joined')
  assert.deepEqual(
    rowsOf(all).map(({ device, value, time, quality, extra }) => [device, value, time, quality, extra]),
    [
      ['device 0', 20.5, 1.7e15 + 1, 192, undefined],
      ['device 1', 'schön \u{1f321}', -5, 0, undefined],
      ['device 0', -0, 2 ** 53, 64, '{"source_timestamp":"x"}'],
      ['device 1', '', 0, 192, undefined],
      ['device 0', Number.MAX_VALUE, Number.MAX_VALUE, 192, '{"a":[]}'],
      ['device 1', 1, 1, 192, undefined],
    ],
  )
})

test('documents of several streams in one commit are read each by its own reader', async () => {
  const log = new WrittenLog()
  const posts = [
    { key: 'a', body: '{"x":1}', time: 5 },
    { key: '', body: '', time: 6 },
  ]
  const strange = [{ key: 'k\0', body: '\0\xff', time: 7 }]
  log.commit({
    readings: countingReadings(0, 3),
    documents: [documentsOf('posts', posts), documentsOf('größe', strange)],
  })
  log.commit({ documents: [documentsOf('posts', posts)] })
  const read = await log.read({ stream: 'posts' })
  assert.deepEqual(documentsRead(read), [...posts, ...posts])
  assert.deepEqual(
    read.flatMap(({ documents }) => documents.map(({ number }) => number)),
    [3, 4, 6, 7],
    'numbers go to readings first, then to documents',
  )
  assert.deepEqual(documentsRead(await log.read({ stream: 'größe' })), strange)
  assert.deepEqual(await log.readValues(), [0, 1, 2])
  assert.deepEqual(await log.read({ stream: 'nothing' }), [])
})

test('an edit comes alone, after the rows before it and before those after it', async () => {
  const log = new WrittenLog()
  const wipe = { device: 'device 0', metric: undefined, from: 1, to: 9, patch: undefined }
  const patch = { device: 'd"\u2028', metric: 'm', from: -1, to: 0, patch: { value: 'x', quality: 0 } }
  log.commit({ names: [nameOf(0)], readings: countingReadings(0, 2) })
  log.commit({ readings: countingReadings(2, 2), edits: [wipe, patch] })
  log.commit({ readings: countingReadings(4, 2) })
  const all = await log.read()
  assert.deepEqual(
    all.map(({ rows, edit, from, to, running }) => [rows.length, edit?.device, from, to, running]),
    [
      [4, undefined, 0, 4, 0],
      [0, 'device 0', 4, 5, 4],
      [0, 'd"\u2028', 5, 6, 4],
      [2, undefined, 6, 8, 4],
    ],
  )
  assert.deepEqual(all[1]?.edit, { kind: 'edit', length: 1, base: 4n, row: undefined, ...wipe })
  assert.deepEqual(all[2]?.edit, { kind: 'edit', length: 1, base: 5n, row: undefined, ...patch })
})

test('a batch holds at most maxRows rows, whatever the commits held', async () => {
  const log = new WrittenLog({ segmentBytes: 100_000 })
  for (const n of [1, 4999, 3, 12_000, 1]) log.count(n)
  const all = await log.read({ maxRows: 1000 })
  assert.deepEqual(valuesOf(all), range(0, 17_004))
  assert.ok(all.every(({ rows }) => rows.length <= 1000))
  assert.equal(all.length, 18)
  assert.deepEqual(
    all.map(({ running }) => running),
    range(0, 18).map((i) => i * 1000),
  )
  all.reduce((before, { from, to }) => {
    assert.equal(from, before)
    return to
  }, 0)
})

test('a batch of large documents or texts stays small, whatever maxRows says', async () => {
  const log = new WrittenLog({ segmentBytes: 1e9 })
  const mega = 2 ** 20
  const posts = range(0, 20).map((i) => ({ key: `k${i}`, body: String(i).repeat(mega).slice(0, mega) }))
  log.commit({ documents: [documentsOf('posts', posts)] })
  for (const post of posts) log.commit({ documents: [documentsOf('posts', [post])] })
  const giant = { key: 'giant', body: 'x'.repeat(12 * mega) }
  log.commit({ documents: [documentsOf('posts', [giant, ...posts.slice(0, 1), giant])] })
  const batches = await log.read({ stream: 'posts', maxRows: 65_536 })
  for (const { documents } of batches) {
    const bytes = documents.reduce((sum, { body }) => sum + body.length, 0)
    assert.ok(bytes <= 8 * mega || (documents.at(-1)?.key === 'giant' && bytes < 20 * mega), `${bytes} bytes`)
  }
  assert.deepEqual(
    batches.flatMap(({ documents }) => documents.map(({ key }) => key)),
    [...posts, ...posts, giant, ...posts.slice(0, 1), giant].map(({ key }) => key),
  )
  const rows = range(0, 5000).map((i) => ({
    series: 0,
    value: 0,
    flags: isText,
    text: 'x'.repeat(4096),
    extra: `${i}`,
  }))
  log.commit({ names: [nameOf(0)], readings: readingsOf(rows) })
  const texts = await log.read({ maxRows: 65_536 })
  assert.ok(texts.every(({ rows }) => rows.length <= 2048))
  assert.deepEqual(
    rowsOf(texts).map(({ extra }) => extra),
    rows.map(({ extra }) => extra),
  )
})

test('a commit larger than the window that files are read through is read whole', async () => {
  const log = new WrittenLog({ segmentBytes: 1e8 })
  log.count(3)
  log.commit({ documents: [documentsOf('posts', [{ key: 'k', body: 'x'.repeat(3_500_000) }])] })
  log.count(200_000)
  log.count(3)
  assert.deepEqual(await log.readValues({ maxRows: 65_536 }), range(0, 200_006))
  const [post] = documentsRead(await log.read({ stream: 'posts' }))
  assert.equal(post?.body.length, 3_500_000)
  log.killAndStart()
  assert.equal(log.writer.rows.get('readings'), 200_006)
})

test('reading starts at any position, in the middle of a commit too', async () => {
  const log = new WrittenLog({ segmentBytes: 700 })
  const names = [nameOf(0), nameOf(1)]
  log.commit({ names, readings: countingReadings(0, 10), documents: [documentsOf('posts', tenPosts(0))] })
  log.commit({ readings: countingReadings(10, 10), documents: [documentsOf('posts', tenPosts(10))] })
  log.commit({
    readings: countingReadings(20, 10),
    edits: [edit],
    documents: [documentsOf('posts', tenPosts(20))],
  })
  log.commit({ readings: countingReadings(30, 10) })
  const whole = rowsOf(await log.read())
  const posts = (await log.read({ stream: 'posts' })).flatMap(({ documents }) => documents)
  assert.equal(whole.length, 40)
  for (let from = 0; from <= log.writer.watermark.next; from++) {
    const all = await log.read({ from, maxRows: 7 })
    assert.deepEqual(
      rowsOf(all),
      whole.filter(({ number }) => number >= from),
    )
    assert.equal(all[0]?.from ?? from, from)
    assert.equal(all[0]?.running, all[0] && whole.length - rowsOf(all).length)
    const some = await log.read({ stream: 'posts', from, maxRows: 7 })
    assert.deepEqual(
      some.flatMap(({ documents }) => documents),
      posts.filter(({ number }) => number >= from),
    )
    assert.equal(
      all.reduce((sum, { damaged }) => sum + damaged, 0),
      0,
    )
  }
})

test('a position of another log is a start at the beginning', async () => {
  const log = new WrittenLog()
  log.count(3)
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond: () => Promise.reject(new Error('nothing was read')),
  }
  const from = { log: '00000000-0000-4000-8000-000000000000', partition: 0, next: 2n }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  for await (const d of readStream(place, 'readings', { from, maxRows: 10, lingerMs: 0 }, () => {}, never)) {
    assert.equal(d.batch.length, 3)
    break
  }
})

test('a position past the end of the log is said, for rows would be skipped silently', async () => {
  const log = new WrittenLog()
  log.count(3)
  await assert.rejects(log.read({ from: 4 }), { code: 'log-behind' })
  assert.deepEqual(await log.read({ from: 3 }), [])
})

test('a reader at the end sees what is committed later, into the same segment and the next ones', async () => {
  const log = new WrittenLog({ segmentBytes: 500 })
  const seen: (number | string)[] = []
  const acks: number[] = []
  const done = new AbortController()
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond() {
      if (log.values < 60) log.count(3)
      else done.abort()
      return Promise.resolve()
    },
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const options = { from: undefined, maxRows: 100, lingerMs: 0 }
  for await (const d of readStream(place, 'readings', options, (next) => acks.push(next), done.signal)) {
    seen.push(...valuesOf([plain(d)]))
    d.ack()
  }
  assert.deepEqual(seen, range(0, 60))
  assert.ok(log.files.length > 3)
  assert.equal(acks.at(-1), 60)
})

test('a reader opens no segment begun behind the watermark it knows', async () => {
  const log = new WrittenLog({ segmentBytes: 500 })
  log.count(20)
  const before = log.writer.watermark
  log.count(20)
  log.count(20)
  const known = { id: log.writer.id, watermark: before }
  assert.deepEqual(valuesOf(await readAll(log.storage, folder, known)), range(0, 20))
  assert.deepEqual(await readAll(log.storage, folder, known, { from: 20 }), [])
})

test('a reader goes no further in a segment than the watermark it knows', async () => {
  const log = new WrittenLog()
  log.count(20)
  const known = { id: log.writer.id, watermark: log.writer.watermark }
  log.count(20)
  assert.equal(log.files.length, 1)
  assert.deepEqual(valuesOf(await readAll(log.storage, folder, known)), range(0, 20))
})

test('at the end of the log a group lets go of what is of other streams, but not while its own rows are not held', async () => {
  const log = new WrittenLog()
  log.commit({ documents: [documentsOf('posts', [{ key: 'a', body: '' }])] })
  log.count(10)
  const acks: number[] = []
  let ends = 0
  const done = new AbortController()
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond() {
      ends++
      if (ends === 1) log.count(1)
      else done.abort()
      return Promise.resolve()
    },
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const options = { from: undefined, maxRows: 100, lingerMs: 0 }
  const held: (() => void)[] = []
  for await (const d of readStream(place, 'posts', options, (next) => acks.push(next), done.signal)) {
    held.push(() => d.ack())
  }
  assert.deepEqual(acks, [], 'the post was handed over and is not held yet')
  held[0]?.()
  assert.deepEqual(acks, [1])
})

test('reading ends at until, with everything below it handed over', async () => {
  const log = new WrittenLog()
  for (let i = 0; i < 10; i++) log.count(10)
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond: () => Promise.reject(new Error('waited')),
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const seen: (number | string)[] = []
  const options = { from: undefined, maxRows: 10, lingerMs: 0, until: 30n }
  for await (const d of readStream(place, 'readings', options, () => {}, never))
    seen.push(...valuesOf([plain(d)]))
  assert.deepEqual(seen, range(0, 30))
})

test('files are closed when reading ends, in order or by a break', async () => {
  const log = new WrittenLog({ segmentBytes: 500 })
  for (let i = 0; i < 10; i++) log.count(10)
  const { openFiles } = log.storage
  await log.read()
  assert.equal(log.storage.openFiles, openFiles)
  const tail: Tail = {
    watermark: () => log.writer.watermark,
    beyond: () => Promise.reject(new Error('nothing was read')),
  }
  const place = { storage: log.storage, folder, log: log.writer.id, tail }
  const options = { from: undefined, maxRows: 10, lingerMs: 0 }
  for await (const _ of readStream(place, 'readings', options, () => {}, never)) break
  assert.equal(log.storage.openFiles, openFiles)
})

test('whatever is committed comes back in order, in batches of any size', async () => {
  const row = fc.record({
    series: fc.nat(2),
    value: fc.double({ noNaN: true }),
    time: fc.maxSafeInteger(),
    quality: fc.nat(255),
    extra: fc.option(fc.json(), { nil: undefined }),
  })
  const text = fc.string({ unit: 'binary' })
  const post = fc.record({ key: text, body: text, time: fc.integer() })
  const commit = fc.record({
    rows: fc.array(row, { maxLength: 12 }),
    texts: fc.array(text, { maxLength: 3 }),
    posts: fc.array(post, { maxLength: 4 }),
    hasEdit: fc.boolean(),
  })
  const property = fc.asyncProperty(
    fc.array(commit, { maxLength: 8 }),
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 300, max: 3000 }),
    async (commits, maxRows, segmentBytes) => {
      const log = new WrittenLog({ segmentBytes })
      log.commit({ names: [nameOf(0), nameOf(1), nameOf(2)] })
      const rows: unknown[] = []
      for (const { rows: numbers, texts, posts, hasEdit } of commits) {
        const all = [
          ...numbers,
          ...texts.map((t) => ({ series: 0, value: Number.NaN, time: 0, text: t, flags: isText })),
        ]
        log.writer.append(
          changesOf({
            readings: all.length > 0 ? readingsOf(all) : undefined,
            edits: hasEdit ? [edit] : [],
            documents: posts.length > 0 ? [documentsOf('posts', posts)] : [],
          }),
        )
        rows.push(
          ...numbers.map((r) => [r.series, r.time, r.value, r.quality, r.extra === '' ? undefined : r.extra]),
        )
        rows.push(...texts.map((t) => [0, 0, t, 192, undefined]))
        if (hasEdit) rows.push('edit')
        if (maxRows % 2 === 0) log.writer.flush()
      }
      log.writer.flush()
      const read = await log.read({ maxRows })
      assert.deepEqual(
        read.flatMap((d): unknown[] =>
          d.edit ? ['edit'] : d.rows.map((r) => [r.series, r.time, r.value, r.quality, r.extra]),
        ),
        rows,
      )
      const documents = documentsRead(await log.read({ stream: 'posts', maxRows }))
      assert.deepEqual(
        documents,
        commits.flatMap(({ posts }) => posts.map(({ key, time, body }) => ({ key, time, body }))),
      )
    },
  )
  await fc.assert(property, { numRuns: 150 })
})

const never = new AbortController().signal
const edit = { device: 'device 0', metric: undefined, from: 0, to: 1, patch: undefined }

function tenPosts(from: number) {
  return range(from, from + 10).map((i) => ({ key: `k${i}`, body: `b${i}` }))
}
