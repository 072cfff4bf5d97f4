import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { countingReadings, documentsOf, nameOf, readingsOf } from '../../../test/support/log-changes.ts'
import { asFormatOne, groupsOf, rotCommit } from '../../../test/support/rotten-log.ts'
import { folder, WrittenLog } from '../../../test/support/written-log.ts'
import { groupHeaderBytes } from './group.ts'
import { type LogFault, type LogVerdict, verifyLog } from './verify.ts'

const verify = (log: WrittenLog): LogVerdict => verifyLog(log.storage, folder)
const post = (key: string) => documentsOf('posts', [{ key, body: '' }])

/** The one fault of a log. */
function theFault(log: WrittenLog): LogFault {
  const { faults } = verify(log)
  assert.equal(faults.length, 1, JSON.stringify(faults))
  return faults[0] as LogFault
}

/** Three segments of commits of ten readings, and posts between. */
function written(): WrittenLog {
  const log = new WrittenLog({ segmentBytes: 2_500 })
  while (log.files.length < 3) {
    log.count(10)
    log.commit({ documents: [post(String(log.values))] })
  }
  log.count(10)
  log.writer.check(undefined)
  return log
}

test('a whole log is whole: while it is written, after a close, a kill and a jump', () => {
  const log = written()
  const { rows } = log.writer
  const whole = (what: string) => {
    const { faults, rows: counted, next, tailBytes } = verify(log)
    assert.deepEqual([faults, tailBytes], [[], 0], what)
    assert.deepEqual(counted, Object.fromEntries(rows), what)
    assert.equal(next, log.writer.watermark.next, what)
  }
  whole('written')
  log.restart()
  whole('closed and opened')
  log.killAndStart()
  whole('killed and opened')
})

test('a commit that is being written, or was never acknowledged, is no damage', () => {
  const log = written()
  const file = log.files.at(-1) ?? ''
  const last = groupsOf(log, file).at(-1)
  const open = log.storage.open(file, 'write')
  open.truncate((last?.offset ?? 0) + groupHeaderBytes + 10)
  open.close()
  assert.deepEqual([verify(log).faults, verify(log).tailBytes], [[], groupHeaderBytes + 10])
  log.killAndStart()
  log.count(10)
  assert.deepEqual([verify(log).faults, verify(log).tailBytes], [[], 0], 'numbers have jumped')
})

test('a commit that is written while it is looked at is no damage either', () => {
  const log = written()
  const file = log.files.at(-1) ?? ''
  const at = rotCommit(log, file, 0).offset + groupHeaderBytes + 5
  const open = log.storage.open.bind(log.storage)
  let reads = 0
  log.storage.open = (name, mode) => {
    const opened = open(name, mode)
    const read = opened.read.bind(opened)
    // Between the first look at the segment's commits and the one at those behind, the writer gets on.
    if (name === file)
      opened.read = (into, offset) => {
        const length = read(into, offset)
        if (offset >= 64 && ++reads === 1) log.storage.rot(file, at)
        return length
      }
    return opened
  }
  assert.deepEqual(verify(log).faults, [])
})

test('a damaged commit is told with its place, its numbers and the rows it held', () => {
  const log = written()
  const [file = ''] = log.files
  const { offset, length, number } = rotCommit(log, file, 2)
  assert.deepEqual(theFault(log), {
    kind: 'commits',
    file: path.basename(file),
    offset,
    bytes: length,
    from: number,
    to: number + 10,
    rows: { readings: 10 },
  })
})

test('the last row of a stream in the open segment is told too', () => {
  const log = new WrittenLog()
  log.count(10)
  log.commit({ documents: [post('a')] })
  log.count(10)
  log.count(10)
  rotCommit(log, log.files[0] ?? '', 1)
  assert.deepEqual([theFault(log).from, theFault(log).to, theFault(log).rows], [10, 11, { posts: 1 }])
})

test('in a log of format 1 the next row of a stream tells what it has lost', () => {
  const log = written()
  log.writer.close()
  for (const file of log.files) asFormatOne(log, file)
  assert.deepEqual(verify(log).faults, [])
  rotCommit(log, log.files[0] ?? '', 1)
  assert.deepEqual(theFault(log).rows, { posts: 1 })
})

test('damage at the end of a segment, a segment that was emptied and one that is gone are told with what they held', () => {
  const rowsOf = (log: WrittenLog) => {
    const { kind, file, from, to, rows } = theFault(log)
    return {
      kind,
      file,
      numbers: (to ?? 0) - (from ?? 0),
      rows: Object.values(rows).reduce((sum, n) => sum + n, 0),
    }
  }
  const end = written()
  const [file = '', second = '', third = ''] = end.files.map((name) => path.basename(name))
  const first = groupsOf(end, end.files[0] ?? '')
  const lastRows = Number(path.basename(second).slice(0, 16)) - (first.at(-1)?.number ?? 0)
  rotCommit(end, end.files[0] ?? '', first.length - 2)
  assert.deepEqual(rowsOf(end), { kind: 'commits', file, numbers: lastRows, rows: lastRows })

  const inSecond = Number(third.slice(0, 16)) - Number(second.slice(0, 16))
  const emptied = written()
  const open = emptied.storage.open(emptied.files[1] ?? '', 'write')
  open.truncate(0)
  open.close()
  assert.deepEqual(rowsOf(emptied), { kind: 'gap', file: third, numbers: inSecond, rows: inSecond })

  const gone = written()
  gone.storage.remove(gone.files[1] ?? '')
  assert.deepEqual(rowsOf(gone), { kind: 'gap', file: third, numbers: inSecond, rows: inSecond })
})

test('a damaged header and a damaged checkpoint cost nothing, and are told', () => {
  const header = written()
  header.storage.rot(header.files[1] ?? '', 20)
  assert.deepEqual([theFault(header).kind, theFault(header).from], ['header', undefined])
  const checkpoint = written()
  rotCommit(checkpoint, checkpoint.files[1] ?? '', -1)
  const { kind, from, rows } = theFault(checkpoint)
  assert.deepEqual([kind, from, rows], ['commits', undefined, {}])
})

test('a file of names that is damaged or older is told, and so are rows whose name is lost', () => {
  const log = written()
  log.storage.rot(`${folder}/series.names`, 30)
  assert.equal(theFault(log).kind, 'names-file')
  log.storage.remove(`${folder}/series.names`)
  assert.equal(theFault(log).kind, 'names-file')

  const nameless = new WrittenLog()
  nameless.commit({ names: [nameOf(0)], readings: countingReadings(0, 2) })
  nameless.commit({ readings: readingsOf([{ series: 0, value: 2 }]) })
  nameless.commit({})
  rotCommit(nameless, nameless.files[0] ?? '', 0)
  assert.deepEqual(
    verify(nameless).faults.map(({ kind, rows }) => [kind, rows]),
    [
      ['commits', { readings: 2 }],
      ['names', { readings: 1 }],
    ],
  )
})
