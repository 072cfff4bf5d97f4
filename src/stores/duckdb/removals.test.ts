import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import {
  never,
  openStore,
  PaperLog,
  type Row,
  rowsOf,
  temporaryFolder,
} from '../../../test/support/duckdb-store.ts'
import { FakeClock } from '../../../test/support/fake-clock.ts'
import { Removals } from './removals.ts'
import type { Sql } from './sql.ts'
import type { DuckdbStore } from './store.ts'

const rowGroup = 32_768
const day = 86_400
const at = (seconds: number) => 1_700_000_000_000_000 + seconds * 1_000_000
/** The beginning of a second chunk. */
const later = 60 * day

/** So many rows of ten metrics, in order of time, from a second on: three row groups are 100,000 rows. */
function inOrder(count: number, from: number, device = 'd'): Row[] {
  return Array.from({ length: count }, (_, i) => ({
    device,
    metric: `m${i % 10}`,
    time: at(from + Math.floor(i / 10)),
    value: i,
  }))
}

/** every so many-th of the rows, with another value. */
function corrected(rows: readonly Row[], every: number, value: (i: number) => number | string): Row[] {
  return rows.filter((_, i) => i % every === 0).map((row, i) => ({ ...row, value: value(i) }))
}

/** Fails once, behind the checkpoint of some part. */
class CutShort extends Removals {
  /** Parts until then. */
  parts = Infinity
  /** Parts that were made in all. */
  made = 0
  /** Whether nothing is removed any more once it was cut short: upkeep tries again by itself. */
  stays = false

  override async remove(...args: Parameters<Removals['remove']>): Promise<number> {
    if (this.stays && this.parts <= 0) throw new Error('cut short')
    return super.remove(...args)
  }

  override async noted(sql: Sql, rowGroups: number): Promise<void> {
    await super.noted(sql, rowGroups)
    if (rowGroups > 0) this.made++
    if (rowGroups > 0 && --this.parts === 0) throw new Error('cut short')
  }
}

/** A second start from what a power loss at this moment would leave. */
async function afterCrash(
  t: TestContext,
  file: string,
  options: Parameters<typeof openStore>[2],
): Promise<DuckdbStore> {
  const copy = path.join(temporaryFolder(t), 'store.duckdb')
  fs.copyFileSync(file, copy)
  if (fs.existsSync(`${file}.wal`)) fs.copyFileSync(`${file}.wal`, `${copy}.wal`)
  return openStore(t, copy, options)
}

async function assertEqual(store: DuckdbStore, whole: DuckdbStore, device = 'd'): Promise<void> {
  const [rows, expected] = [await rowsOf(store, device), await rowsOf(whole, device)]
  const told = (all: typeof rows) => all.map((row) => Object.values(row).join(' '))
  assert.deepEqual(told(rows), told(expected))
  assert.deepEqual(await store.count(never), await whole.count(never))
  assert.equal(store.status().rows, whole.status().rows)
  assert.deepEqual(await store.latest(undefined, 100, never), await whole.latest(undefined, 100, never))
  const series = (each: DuckdbStore) => each.series(undefined, undefined, 100, never)
  assert.deepEqual(await series(store), await series(whole))
}

test('corrections over many row groups, newcomers among them, are what one transaction would have made of them', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const removals = new CutShort(1)
  const store = await openStore(t, file, { removals })
  const whole = await openStore(t)
  const log = new PaperLog()
  const apply = async (rows: readonly Row[]) => {
    const write = log.write(log.readings(rows))
    assert.deepEqual(await store.write(write, never), await whole.write(write, never))
  }
  const [early, late] = [inOrder(3 * rowGroup, 0), inOrder(3 * rowGroup, later)]
  await apply([...early, ...late])
  const again = corrected(early, 997, (i) => (i % 5 === 0 ? `text ${i}` : -i))
  await apply([
    ...again,
    ...again.filter((_, i) => i % 7 === 0).map((row) => ({ ...row, value: 'twice' })),
    ...corrected(late, 1_009, (i) => -i),
    ...inOrder(500, 0).map((row) => ({ ...row, time: row.time + 500_000 })), // stand nowhere yet
    ...inOrder(500, 2 * later),
    { device: 'd', metric: 'new', time: at(5), value: 1 },
    { device: 'd', metric: 'm0', time: at(5), value: 2, byNumber: true },
  ])
  assert.ok(removals.made >= 6, `${removals.made} parts`)
  await assertEqual(store, whole)
  assert.deepEqual(await store.state(log.id, 0), await whole.state(log.id, 0))
  await store.close()
  await assertEqual(await openStore(t, file), whole)
})

test('a checkpoint that moves the rows of another chunk makes no row take the place of another', async (t) => {
  const removals = new CutShort(4)
  const store = await openStore(t, undefined, { removals })
  const whole = await openStore(t)
  const log = new PaperLog()
  const [early, late] = [inOrder(5 * rowGroup, 0), inOrder(3 * rowGroup, later)]
  const stores = [store, whole]
  const fill = log.write(log.readings([...early, ...late]))
  for (const each of stores) await each.write(fill, never)
  // All of the later chunk's first row group goes, and no checkpoint has noticed.
  const edit = log.edit({
    device: 'd',
    metric: undefined,
    from: at(later),
    to: at(later + 3_500),
    patch: undefined,
  })
  const write = log.write(edit)
  for (const each of stores) await each.write(write, never)
  const spread = log.write(
    log.readings([...corrected(early, 997, (i) => -i), ...corrected(late, 997, (i) => -i)]),
  )
  for (const each of stores) await each.write(spread, never)
  assert.ok(removals.made >= 3, `${removals.made} parts`)
  await assertEqual(store, whole)
})

test('cut short between two parts, the same write again loses nothing and stores nothing twice', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const removals = new CutShort(1)
  const store = await openStore(t, file, { removals })
  const whole = await openStore(t)
  const log = new PaperLog()
  const rows = inOrder(4 * rowGroup, 0)
  const fill = log.write(log.readings(rows))
  for (const each of [store, whole]) await each.write(fill, never)
  const spread = log.write(
    log.readings([
      ...corrected(rows, 501, (i) => (i % 2 === 0 ? -i : 'text')),
      ...inOrder(100, 0).map((row) => ({ ...row, time: row.time + 500_000 })),
      { device: 'd', metric: 'm0', time: rows.at(-10)?.time ?? 0, value: 'newest' },
    ]),
  )
  const { handed, stored, overwritten } = await (async () => {
    await whole.write(spread, never)
    return (await whole.state(log.id, 0))?.books ?? assert.fail('no books')
  })()

  removals.parts = 2
  await assert.rejects(store.write(spread, never), /cut short/)
  assert.equal((await store.state(log.id, 0))?.position.next, spread.from.next)
  const restarted = await afterCrash(t, file, { removals: new Removals(1) })
  for (const each of [store, restarted]) {
    await each.write(spread, never)
    await assertEqual(each, whole)
    const { position, books } = (await each.state(log.id, 0)) ?? assert.fail('no position')
    assert.equal(position.next, spread.to.next)
    // What was made before the cut is a repeat now.
    assert.deepEqual([books.handed, books.stored], [handed, stored])
    assert.equal(books.repeated + books.overwritten, overwritten)
    assert.ok(books.repeated > 0 && books.overwritten > 0)
  }
})

test('a new log cut short in its first write has its place: the log after it is newer', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const removals = new CutShort(1)
  const store = await openStore(t, file, { removals })
  const rows = inOrder(3 * rowGroup, 0)
  await new PaperLog().put(store, rows)
  const second = new PaperLog({ next: 1_000_000n })
  removals.parts = 2
  await assert.rejects(
    second.put(
      store,
      corrected(rows, 501, () => -2),
    ),
    /cut short/,
  )
  const restarted = await afterCrash(t, file, {})
  // The second log never comes again; the third has lower numbers.
  await new PaperLog().put(
    restarted,
    corrected(rows, 501, () => -3),
  )
  const values = (await rowsOf(restarted, 'd')).map(({ value }) => value)
  assert.equal(values.filter((value) => value === -2).length, 0)
  assert.equal(values.filter((value) => value === -3).length, Math.ceil(rows.length / 501))
})

test('what was cut short shows its newest values after a restart: a new log’s rows, and replayed ones', async (t) => {
  for (const isReplay of [false, true]) {
    const file = path.join(temporaryFolder(t), 'store.duckdb')
    const removals = new CutShort(1)
    const first = await openStore(t, file)
    const once = { device: 'd', metric: 'once', time: at(0), value: 0 }
    const rows = [once, ...inOrder(3 * rowGroup, 0)]
    const log = new PaperLog()
    await log.put(first, rows)
    const corrections = corrected(rows, 501, () => -2)
    const second = isReplay ? new PaperLog({ of: log, next: log.next }) : new PaperLog()
    const spread = second.write(second.readings(corrections))
    // The live lane has passed what is replayed: as letters.
    if (isReplay) await first.write({ ...spread, batch: undefined }, never)
    await first.close()
    const write = (store: DuckdbStore) => (isReplay ? store.replaySink('r') : store).write(spread, never)
    removals.parts = 1
    await assert.rejects(write(await openStore(t, file, { removals })), /cut short/)
    const restarted = await afterCrash(t, file, {})
    await write(restarted)
    const latest = await restarted.latest('d', 100, never)
    assert.equal(latest.find(({ metric }) => metric === 'once')?.value, -2, `replay: ${isReplay}`)
  }
})

test('a write whose checkpoint fails stands, and what it stored is known', async (t) => {
  const removals = new CutShort(100)
  const store = await openStore(t, undefined, { removals })
  const log = new PaperLog()
  const row = { device: 'd', metric: 'm', time: at(1), value: 1 }
  await log.put(store, [row])
  removals.parts = 1
  const rows = [
    { ...row, value: 2 },
    { ...row, time: at(9) },
  ]
  await assert.rejects(log.put(store, rows), /cut short/)
  assert.equal((await store.state(log.id, 0))?.position.next, 3n)
  assert.equal((await log.put(store, [{ ...row, time: at(9), value: 3 }])).overwritten, 1)
  assert.equal((await store.count(never)).readings, 2)
})

test('a user’s delete over many row groups, cut short and sent again, is what one transaction would have made of it', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const removals = new CutShort(1)
  const store = await openStore(t, file, { removals })
  const whole = await openStore(t)
  const log = new PaperLog()
  const rows = inOrder(4 * rowGroup, 0)
  const fill = log.write(log.readings(rows))
  for (const each of [store, whole]) await each.write(fill, never)
  const range = { device: 'd', metric: 'm9', from: at(100), to: Infinity }
  const edit = log.write(log.edit({ ...range, patch: undefined }))
  await whole.write(edit, never)
  const stale = { ...edit, from: { ...edit.from, next: 1n } }
  await assert.rejects(store.write(stale, never), /fenced/)
  assert.equal((await store.count(never)).readings, rows.length, 'a late owner removes nothing')

  removals.parts = 2
  await assert.rejects(store.write(edit, never), /cut short/)
  const restarted = await afterCrash(t, file, { removals: new Removals(1) })
  for (const each of [store, restarted]) {
    await each.write(edit, never)
    await assertEqual(each, whole)
    assert.deepEqual(await each.state(log.id, 0), await whole.state(log.id, 0))
  }
  // Rows of before the edit that come again stay deleted.
  const replay = new PaperLog({ of: log, next: 0n })
  await replay.put(restarted.replaySink('r'), rows.slice(0, 5_000))
  await assertEqual(restarted, whole)
})

test('parts that are removed and replaced while a chunk is cut and sorted are in the sorted chunk', async (t) => {
  const removals = new CutShort(1)
  const store = await openStore(t, undefined, { removals, chunkRows: 90_000 })
  const whole = await openStore(t)
  const log = new PaperLog()
  const rows = inOrder(4 * rowGroup, 0)
  const apply = async (write: ReturnType<PaperLog['write']>) => {
    for (const each of [store, whole]) await each.write(write, never)
  }
  await apply(log.write(log.readings(rows)))
  await store.settle(2)
  await apply(log.write(log.readings(corrected(rows, 997, (i) => -i))))
  await apply(
    log.write(log.edit({ device: 'd', metric: 'm9', from: at(100), to: at(9_000), patch: undefined })),
  )
  await store.settle(1)
  await apply(log.write(log.readings(corrected(rows, 997, (i) => (i % 3 === 0 ? 'x' : i)))))
  assert.ok(removals.made >= 4, `${removals.made} parts`)
  await store.settle()
  assert.ok(store.status().chunks > 1)
  await assertEqual(store, whole)
})

test('retention over many row groups, cut short, goes on after a restart', async (t) => {
  const clock = new FakeClock()
  const retention = { readings: [{ devices: 'demo', keepDays: 1 }], documents: [] }
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const removals = new CutShort(1)
  const store = await openStore(t, file, { removals, clock, retention })
  const log = new PaperLog()
  const rows = inOrder(2 * rowGroup, 0).flatMap((row) => [row, { ...row, device: 'demo' }])
  await log.put(store, rows)
  await log.put(store, inOrder(10, 3 * day))
  removals.parts = 2
  removals.stays = true
  clock.pass(3 * day)
  // Upkeep that runs by itself may be the one that is cut short.
  await store.settle().catch((error: unknown) => assert.match(String(error), /cut short/))
  const left = (await store.count(never)).readings
  assert.ok(left < rows.length + 10 && left > rows.length / 2 + 10, `${left} rows`)
  const restarted = await afterCrash(t, file, { removals: new Removals(1), clock, retention })
  await restarted.settle()
  assert.equal((await restarted.count(never)).readings, rows.length / 2 + 10)
  assert.equal(restarted.status().rows, rows.length / 2 + 10)
  const latest = await restarted.latest(undefined, 100, never)
  assert.deepEqual([...new Set(latest.map(({ device }) => device))], ['d'])
})
