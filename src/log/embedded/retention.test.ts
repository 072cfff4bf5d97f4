import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  changesOf,
  countingReadings,
  documentsOf,
  nameOf,
  readingsOf,
} from '../../../test/support/log-changes.ts'
import { damagedOf, rowsOf } from '../../../test/support/log-reading.ts'
import { openSimulatedLog } from '../../../test/support/simulated-log.ts'
import { range, WrittenLog } from '../../../test/support/written-log.ts'

const day = 86_400
const everything = Number.MAX_SAFE_INTEGER
const years = 365 * day

/** A log of several segments, a day between any two commits. */
function daily(days: number, options: ConstructorParameters<typeof WrittenLog>[0] = {}): WrittenLog {
  const log = new WrittenLog({ segmentBytes: 600, retentionSeconds: 7 * day, ...options })
  for (let i = 0; i < days; i++) {
    log.count(10)
    log.clock.pass(day)
  }
  return log
}

test('segments past retention go, but never one that a sink needs', async () => {
  const log = daily(20)
  const { files } = log
  log.writer.check(undefined)
  assert.deepEqual(log.files, files, 'nothing goes while no bound is known')
  log.writer.check(0)
  assert.deepEqual(log.files, files)
  for (const bound of [15, 40, 95]) {
    log.writer.check(bound)
    assert.ok(log.writer.first <= bound)
    assert.ok(log.writer.first > bound - 40, `bound ${bound}, first ${log.writer.first}`)
    assert.deepEqual(await log.readValues({ from: bound }), range(bound, 200))
  }
  log.writer.check(everything)
  assert.ok(
    log.writer.first >= 100 && log.writer.first <= 140,
    `the last seven days stay: ${log.writer.first}`,
  )
  assert.equal(log.writer.segments, log.files.length)
})

test('what is read after older segments have gone starts with what is left, and nothing counts as damaged', async () => {
  const log = daily(20)
  log.writer.check(everything)
  const { first } = log.writer
  const all = await log.read()
  assert.deepEqual(
    rowsOf(all).map(({ number }) => number),
    range(first, 200),
  )
  assert.equal(all[0]?.running, first)
  assert.equal(damagedOf(all), 0)
})

test('retention goes on after a restart where it was', () => {
  const log = daily(5)
  for (let i = 0; i < 5; i++) {
    log.restart()
    log.clock.pass(day)
  }
  log.count(1)
  log.writer.check(everything)
  // Ten days have passed: the rows of the first three are older than seven.
  assert.ok(log.writer.first >= 20 && log.writer.first <= 40, String(log.writer.first))
})

test('no jump of the system clock removes anything, with or without a restart', async () => {
  const jumps = [years, -years, 30 * years, -50 * years, day, -day]
  for (const restart of [false, true]) {
    const log = new WrittenLog({ segmentBytes: 600, retentionSeconds: 3600 })
    for (const seconds of jumps) {
      log.count(10)
      log.clock.jump(seconds)
      if (restart) log.restart()
      else log.writer.check(everything)
      log.clock.pass(60)
    }
    log.writer.check(everything)
    assert.deepEqual(await log.readValues(), range(0, 60))
  }
})

test('a log over its size lets the oldest go as far as sinks allow, and refuses commits beyond that', () => {
  const log = new WrittenLog({ segmentBytes: 1e9, maxBytes: 20_000 })
  while (log.writer.bytes <= 20_000) log.count(10)
  assert.ok(log.writer.segments >= 4, 'a quarter of the size is a segment')
  log.writer.check(0)
  assert.equal(log.writer.state, 'disk-full')
  assert.throws(() => log.count(1), { code: 'disk-full' })
  const oldest = log.writer.first
  log.writer.check(log.values)
  assert.equal(log.writer.state, 'open')
  assert.ok(log.writer.first > oldest)
  assert.ok(log.writer.bytes <= 20_000)
  log.count(1)
})

test('a log goes over its size by one write, however many come before anybody looks', () => {
  const log = new WrittenLog({ maxBytes: 20_000 })
  assert.throws(
    () => {
      for (;;) log.count(10)
    },
    { code: 'disk-full' },
  )
  assert.ok(log.writer.bytes > 20_000 && log.writer.bytes < 21_000, `${log.writer.bytes} bytes`)
})

test('a log over its size that no sink needs is cut with the write, and refuses nobody', async () => {
  const { log, storage } = await openSimulatedLog({ maxBytes: 20_000, groups: ['main/readings'] })
  const segments = () => storage.list('/data/log').filter((name) => name.endsWith('.seg'))
  const [first] = segments()
  for (let i = 0; i < 500; i++) {
    await log.commit(changesOf({ readings: countingReadings(i, 10) }))
    log.acknowledge('main/readings', (i + 1) * 10)
  }
  assert.ok(segments().length <= 5 && !segments().includes(first ?? ''), segments().join())
  await log.close()
})

test('what a sink needs to move on is taken by a full log, so that it can shrink', () => {
  const log = new WrittenLog({ segmentBytes: 600, maxBytes: 4000 })
  while (log.writer.bytes <= 4000) log.count(10)
  log.writer.check(0)
  const letters = documentsOf('dead-letters', [{ key: 'main/log/1', body: '{}' }])
  const { values } = log
  const next = log.commit({ documents: [letters], usesReserve: true })
  assert.equal(next, values + 1)
  assert.throws(() => log.count(1), { code: 'disk-full' })
  log.writer.check(next)
  assert.equal(log.writer.state, 'open')
  log.storage.failNth(1, { code: 'ENOSPC' }, 'write')
  const refused = { documents: [letters], usesReserve: true }
  assert.throws(() => log.commit(refused), { code: 'disk-full' }, 'no disk, no promise')
})

test('one commit larger than the whole log does not stop it for ever', () => {
  const log = new WrittenLog({ segmentBytes: 1000, maxBytes: 4000 })
  log.count(1000)
  log.writer.check(0)
  assert.equal(log.writer.state, 'disk-full')
  log.writer.check(1000)
  assert.equal(log.writer.state, 'open')
  log.count(1)
})

test('names outlive the segments that brought them, and a kill', async () => {
  const log = new WrittenLog({ segmentBytes: 600, retentionSeconds: 7 * day })
  for (let i = 0; i < 20; i++) {
    log.commit({ names: [nameOf(i, `unit ${i}`)], readings: readingsOf([{ series: i, value: i }]) })
    log.count(10)
    log.clock.pass(day)
  }
  log.writer.check(everything)
  assert.ok(log.writer.first > 100)
  log.losePowerAndStart('all')
  assert.deepEqual(
    [...log.writer.dictionary.entries()],
    range(0, 20).map((i) => nameOf(i, `unit ${i}`)),
  )
  log.commit({ readings: readingsOf([{ series: 3, value: -3 }]) })
  assert.equal(rowsOf(await log.read()).at(-1)?.device, 'device 3')
})

test('a power loss between removals brings back old rows at worst, and loses none', async () => {
  for (let seed = 0; seed < 30; seed++) {
    const log = new WrittenLog({ segmentBytes: 600, retentionSeconds: day }, seed)
    for (let i = 0; i < 10; i++) log.count(10)
    log.clock.pass(3 * day)
    log.count(10)
    log.storage.stopNth(1 + (seed % 6))
    log.writer.check(95)
    log.losePowerAndStart()
    const rows = rowsOf(await log.read({ from: 95 }))
    assert.deepEqual(
      rows.map(({ value }) => value),
      range(95, 110),
    )
    log.count(5)
  }
})

test('while names cannot be saved, no segment goes that may hold them alone', () => {
  const log = daily(10)
  log.storage.kill()
  log.storage.rot('/data/log/series.names', 3)
  log.start()
  log.storage.fault = ({ operation, file }) =>
    operation === 'write' && file.includes('series.names') ? { code: 'ENOSPC' } : undefined
  const { files } = log
  log.clock.pass(100 * day)
  log.writer.check(everything)
  assert.deepEqual(log.files, files)
  log.storage.fault = undefined
  log.writer.check(everything)
  assert.equal(log.files.length, 1)
})

test('whatever is committed, acknowledged and checked, nothing above the bound goes and sizes agree with the disk', async () => {
  const step = fc.oneof(
    fc.record({ rows: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ pass: fc.nat(3 * day) }),
    fc.record({ jump: fc.integer({ min: -years, max: years }) }),
    fc.record({ bound: fc.nat(100) }),
    fc.record({ restart: fc.boolean() }),
  )
  const property = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
    const log = new WrittenLog({ segmentBytes: 900, retentionSeconds: day })
    let bound = 0
    for (const each of steps) {
      if ('rows' in each) log.count(each.rows)
      else if ('pass' in each) log.clock.pass(each.pass)
      else if ('jump' in each) log.clock.jump(each.jump)
      else if ('bound' in each) {
        bound = Math.max(bound, Math.floor((log.values * each.bound) / 100))
        log.writer.check(bound)
      } else log.restart()
      assert.deepEqual(await log.readValues({ from: bound }), range(bound, log.values))
      assert.equal(
        log.writer.bytes,
        log.files.reduce((sum, file) => sum + log.bytes(file).length, 0),
      )
    }
  })
  await fc.assert(property, { numRuns: 100 })
})

test('a bound that moves while rows are read takes no segment from under a reader', async () => {
  const log = daily(10)
  const values: (number | string)[] = []
  let from = 0
  for (;;) {
    const [next] = await log.read({ from, maxRows: 3 })
    if (!next) break
    values.push(...next.rows.map(({ value }) => value))
    from = next.to
    log.clock.pass(day)
    log.writer.check(from)
  }
  assert.deepEqual(values, range(0, 100))
})
