import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { countingReadings, documentsOf, nameOf, readingsOf } from '../../../test/support/log-changes.ts'
import { rotCommit } from '../../../test/support/rotten-log.ts'
import { folder, range, WrittenLog } from '../../../test/support/written-log.ts'
import { numberAt } from '../../core/batch.ts'
import { type Exported, type ExportOptions, exportLog } from './export.ts'

/** What is exported: rows by their numbers, anything else as it is. */
function exported(log: WrittenLog, options: ExportOptions = {}): (number | Exported)[] {
  const all: (number | Exported)[] = []
  for (const found of exportLog(log.storage, folder, options)) {
    if (found.kind === 'rows') {
      for (let i = 0; i < found.batch.length; i++) all.push(Number(numberAt(found.batch, i)))
    } else all.push(found)
  }
  return all
}

const edit = { device: 'd0', metric: undefined, from: 0, to: 1, patch: undefined }

test('rows of every stream come in the order of the log, or those of one', () => {
  const log = new WrittenLog({ segmentBytes: 2_000 })
  log.count(10)
  log.commit({ edits: [edit], documents: [documentsOf('posts', [{ key: 'a', body: '', time: 7 }])] })
  while (log.files.length < 3) log.count(10)
  const { next } = log.writer.watermark
  assert.deepEqual(exported(log), range(0, next))
  assert.deepEqual(exported(log, { stream: 'posts' }), [11])
  assert.deepEqual(exported(log, { stream: 'readings', from: 5, to: 14 }), [5, 6, 7, 8, 9, 10, 12, 13])
  assert.deepEqual(exported(log, { stream: 'readings', fromMicros: 8, toMicros: 11 }), [8, 9, 12])
})

test('damage, segments that are gone and rows without a name are told where they were', () => {
  const log = new WrittenLog({ segmentBytes: 2_000 })
  log.commit({ names: [nameOf(0)], readings: countingReadings(0, 5) })
  log.commit({ names: [nameOf(1)], readings: readingsOf([{ series: 1, value: 5 }]) })
  log.commit({
    readings: readingsOf([
      { series: 0, value: 6 },
      { series: 1, value: 7 },
      { series: 0, value: 8 },
    ]),
  })
  log.values = 9
  while (log.files.length < 3) log.count(10)
  log.storage.remove(`${folder}/series.names`)
  const [first = '', second = '', third = ''] = log.files
  const { offset, length } = rotCommit(log, first, 1)
  log.storage.remove(second)
  const [from, to] = [second, third].map((file) => Number(path.basename(file).slice(0, 16)))
  assert.ok(from !== undefined && to !== undefined)
  assert.deepEqual(exported(log), [
    ...range(0, 5),
    { kind: 'damage', file: path.basename(first), offset, bytes: length },
    6,
    ...range(8, from),
    { kind: 'gap', from, to },
    ...range(to, log.writer.watermark.next),
    { kind: 'nameless', rows: 1 },
  ])
})

test('numbers that were left out on purpose are no gap', () => {
  const log = new WrittenLog()
  log.count(3)
  const open = log.storage.open(log.files[0] ?? '', 'write')
  open.write([new Uint8Array(20).fill(1)], open.size())
  open.close()
  log.killAndStart()
  log.count(2)
  assert.deepEqual(exported(log), [0, 1, 2, 2 ** 20, 2 ** 20 + 1])
})

test('without the file of names, a name that stands in a later segment is that of the rows before it', () => {
  const log = new WrittenLog({ segmentBytes: 2_000 })
  while (log.files.length < 3) log.count(10)
  log.commit({ names: [nameOf(0, 'K')], readings: readingsOf([{ series: 0, value: 1 }]) })
  const [first = '', second = ''] = log.files
  const from = Number(path.basename(second).slice(0, 16))
  log.storage.remove(`${folder}/series.names`)
  log.storage.remove(first)
  assert.deepEqual(exported(log), range(from, log.writer.watermark.next))
})

test('a stream that the log has nothing of is said; one that retention has left nothing of is none of those', () => {
  const log = new WrittenLog({ segmentBytes: 2_000 })
  log.commit({ documents: [documentsOf('posts', [{ key: 'a', body: '', time: 7 }])] })
  while (log.files.length < 3) log.count(10)
  assert.throws(() => exported(log, { stream: 'nope' }), {
    code: 'bad-request',
    message: 'the log has no stream nope; it has posts, readings',
  })
  log.storage.remove(log.files[0] ?? '')
  assert.deepEqual(exported(log, { stream: 'posts' }), [])
  assert.deepEqual(exported(new WrittenLog(), { stream: 'readings' }), [])
})
