import assert from 'node:assert/strict'
import { test } from 'node:test'
import { damagedOf, rowsOf } from '../../../test/support/log-reading.ts'
import { asFormatOne, groupsOf } from '../../../test/support/rotten-log.ts'
import { range, WrittenLog } from '../../../test/support/written-log.ts'

// A disk that hands out one block for another: whole groups, in the wrong place.

/** A log of eight commits of ten readings in one segment, closed in order. */
function eightCommits(format: number): { log: WrittenLog; file: string } {
  const log = new WrittenLog()
  for (let i = 0; i < 8; i++) log.count(10)
  log.writer.close()
  if (format === 1) for (const file of log.files) asFormatOne(log, file)
  return { log, file: log.files[0] ?? '' }
}

/** Writes the bytes of groups over those of others of the same length; groups count from 0, the first checkpoint among them. */
function place(log: WrittenLog, file: string, moves: readonly (readonly [from: number, to: number])[]): void {
  const groups = groupsOf(log, file)
  const bytes = log.bytes(file)
  const open = log.storage.open(file, 'write')
  for (const [from, to] of moves) {
    const [source, target] = [groups[from], groups[to]]
    assert.ok(source && target && source.length === target.length)
    open.write([bytes.slice(source.offset, source.offset + source.length)], target.offset)
  }
  open.sync()
  open.close()
}

type Moves = readonly (readonly [from: number, to: number])[]

/** In format 1 nothing but the numbers tells: of two that were swapped one may be taken. */
const cases: readonly { what: string; moves: Moves; lost: number[]; inFormatOne?: number[] }[] = [
  {
    what: 'neighbours that were swapped',
    moves: [
      [3, 4],
      [4, 3],
    ],
    lost: [3, 4],
    inFormatOne: [4],
  },
  {
    what: 'distant ones that were swapped',
    moves: [
      [3, 6],
      [6, 3],
    ],
    lost: [3, 6],
  },
  { what: 'an older one in place of a later one', moves: [[2, 5]], lost: [5] },
  { what: 'a later one in place of an older one', moves: [[7, 3]], lost: [3] },
  { what: 'the one behind it in its place too', moves: [[6, 5]], lost: [5] },
  {
    what: 'two older ones behind a later one',
    moves: [
      [7, 3],
      [2, 4],
      [2, 5],
    ],
    lost: [3, 4, 5],
  },
]

for (const { what, moves, lost: lostInTwo, inFormatOne } of cases) {
  for (const format of [1, 2]) {
    const lost = format === 1 ? (inFormatOne ?? lostInTwo) : lostInTwo
    test(`${what} in format ${format}: every row comes once with its own number or is counted, and only those are lost`, async () => {
      const { log, file } = eightCommits(format)
      place(log, file, moves)
      log.start()
      const all = await log.read({ maxRows: 7 })
      const kept = range(0, 80).filter((value) => !lost.includes(Math.floor(value / 10) + 1))
      const expected = kept.map((value) => [value, value])
      assert.deepEqual(
        rowsOf(all).map(({ number, value }) => [number, value]),
        expected,
      )
      assert.equal(damagedOf(all), lost.length * 10)
      assert.deepEqual(log.writer.rows, new Map([['readings', 80]]))
      log.count(10)
      assert.equal((await log.readValues()).length, kept.length + 10)
    })
  }
}

test('a commit of a later segment in an older one hides nothing behind it', async () => {
  const log = new WrittenLog({ segmentBytes: 2_500 })
  while (log.files.length < 3) log.count(10)
  const [first = '', second = ''] = log.files
  const [target, source] = [groupsOf(log, first)[3], groupsOf(log, second)[3]]
  assert.ok(source && target && source.length === target.length)
  const bytes = log.bytes(second).slice(source.offset, source.offset + source.length)
  const open = log.storage.open(first, 'write')
  open.write([bytes], target.offset)
  open.close()
  log.killAndStart()
  const all = await log.read()
  assert.deepEqual(
    rowsOf(all).map(({ value }) => value),
    range(0, log.values).filter((value) => value < target.number || value >= target.number + 10),
  )
  assert.equal(damagedOf(all), 10)
})
