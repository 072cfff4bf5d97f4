import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import type { Clock } from '../../lib/clock.ts'
import {
  never,
  openStore,
  PaperLog,
  type Row,
  rowsOf,
  temporaryFolder,
} from '../../../test/support/duckdb-store.ts'
import type { DuckdbStore } from './store.ts'

const at = (seconds: number) => 1_700_000_000_000_000 + seconds * 1_000_000

/** Rows of ten series, one a second each, in order of time. */
function inOrder(from: number, to: number, value: (second: number) => number | string = (s) => s): Row[] {
  const rows: Row[] = []
  for (let second = from; second < to; second++) {
    for (let m = 0; m < 10; m++)
      rows.push({ device: 'd', metric: `m${m}`, time: at(second), value: value(second) })
  }
  return rows
}

async function tables(file: string): Promise<{ name: string; rows: number; isSorted: boolean }[]> {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' })
  const connection = await instance.connect()
  const all = async (sql: string) => (await connection.run(sql)).getRows()
  const found: { name: string; rows: number; isSorted: boolean }[] = []
  for (const [name] of await all(`SELECT 'r' || id FROM chunks ORDER BY from_time`)) {
    const [row] = await all(
      `SELECT count(*), coalesce(bool_and((series, time) >= (before, since)), true) FROM
        (SELECT series, time, lag(series) OVER (ORDER BY rowid) AS before, lag(time) OVER (ORDER BY rowid) AS since FROM ${String(name)})
      WHERE before IS NOT NULL`,
    )
    found.push({ name: String(name), rows: Number(row?.[0]) + 1, isSorted: row?.[1] === true })
  }
  connection.closeSync()
  instance.closeSync()
  return found
}

test('a full chunk is cut, and what is closed is sorted by series and time', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const store = await openStore(t, file, { chunkRows: 1_000 })
  const log = new PaperLog()
  for (let second = 0; second < 500; second += 50) {
    await log.put(store, inOrder(second, second + 50))
    await store.settle()
  }
  const rows = await rowsOf(store, 'd')
  assert.equal(rows.length, 5_000)
  assert.deepEqual(
    rows.slice(0, 500).map(({ value }) => value),
    inOrder(0, 500)
      .filter(({ metric }) => metric === 'm0')
      .map(({ value }) => value),
  )
  await store.close()
  const chunks = await tables(file)
  assert.ok(chunks.length >= 4, `${chunks.length} chunks`)
  assert.ok(chunks.slice(0, -1).every(({ isSorted }) => isSorted))
  assert.ok(chunks.slice(0, -1).every(({ rows: count }) => count >= 500 && count <= 1_500))
})

test('an import of history in any order cuts chunks in halves, not in slivers', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const store = await openStore(t, file, { chunkRows: 1_000 })
  const log = new PaperLog()
  const seconds = Array.from({ length: 400 }, (_, i) => (i * 149) % 400)
  for (let i = 0; i < 400; i += 20) {
    await log.put(
      store,
      seconds.slice(i, i + 20).flatMap((second) => inOrder(second, second + 1)),
    )
    await store.settle()
  }
  assert.equal((await rowsOf(store, 'd')).length, 4_000)
  await store.close()
  const chunks = await tables(file)
  assert.ok(chunks.length <= 10, `${chunks.length} chunks`)
})

test('rows, corrections, edits and the first text that come while a chunk is sorted are in the sorted chunk', async (t) => {
  const store = await openStore(t, undefined, { chunkRows: 1_000 })
  const plain = await openStore(t)
  const logs: [PaperLog, DuckdbStore][] = [
    [new PaperLog(), store],
    [new PaperLog(), plain],
  ]
  const put = async (rows: Row[]) => {
    for (const [log, each] of logs) await log.put(each, rows)
  }
  const edit = async (change: Parameters<PaperLog['edit']>[0]) => {
    for (const [log, each] of logs) await each.write(log.write(log.edit(change)), never)
  }
  await put(inOrder(0, 150))
  await store.settle(2) // cut, begin
  await put([{ device: 'new', metric: 'x', time: at(3), value: 1 }])
  await put(inOrder(20, 30, (second) => -second))
  await put([{ device: 'd', metric: 'm3', time: at(40), value: 'text', extra: '{"a":1}' }])
  await edit({ device: 'd', metric: 'm5', from: at(50), to: at(60), patch: undefined })
  await edit({ device: 'd', metric: undefined, from: at(60), to: at(70), patch: { value: 'patched' } })
  await store.settle(1) // a slice
  await put(inOrder(25, 35, () => 7))
  await edit({ device: 'd', metric: undefined, from: at(27), to: at(28), patch: undefined })
  await store.settle()
  for (const device of ['d', 'new'])
    assert.deepEqual(await rowsOf(store, device), await rowsOf(plain, device))
  assert.deepEqual(await store.count(never), await plain.count(never))
})

test('what an interrupted rewrite left behind is removed at start', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const first = await openStore(t, file)
  await new PaperLog().put(first, inOrder(0, 2))
  await first.close()
  const instance = await DuckDBInstance.create(file)
  const connection = await instance.connect()
  await connection.run('CREATE TABLE r77 AS SELECT 1 AS series')
  connection.closeSync()
  instance.closeSync()
  const second = await openStore(t, file)
  assert.equal((await rowsOf(second, 'd')).length, 20)
  await second.close()
  const again = await DuckDBInstance.create(file)
  const reader = await again.connect()
  t.after(() => again.closeSync())
  const left = await (
    await reader.run(`SELECT count(*) FROM duckdb_tables() WHERE table_name = 'r77'`)
  ).getRows()
  assert.deepEqual(left, [[0n]])
})

/** A clock that tests move; both hands go together unless the wall clock jumps. */
class HandClock implements Clock {
  wall = at(0)
  ms = 0
  now = () => this.wall
  monotonicMs = () => this.ms
  pass(seconds: number): void {
    this.wall += seconds * 1_000_000
    this.ms += seconds * 1000
  }
}

const day = 86_400

test('retention removes by device pattern and overall, and a new start still knows what was stored', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const clock = new HandClock()
  const retention = {
    readings: [
      { devices: 'demo-*', keepDays: 1 },
      { devices: '*', keepDays: 10 },
    ],
    documents: [{ streams: 'posts', keepDays: 1 }],
  }
  const store = await openStore(t, file, { clock, retention, chunkRows: 1_000 })
  const log = new PaperLog()
  await log.put(store, [
    { device: 'demo-1', metric: 'm', time: at(0), value: 1 },
    { device: 'pump', metric: 'm', time: at(0), value: 1 },
    { device: 'demo-2', metric: 'm', time: at(3 * day), value: 1 },
  ])
  const posts = new PaperLog({ of: log, next: 100n })
  await store
    .sink('posts')
    .write(posts.write(posts.documents('posts', [{ key: 'k', time: at(0), body: '{}' }])), never)
  clock.pass(3 * day)
  await store.settle()
  const present = async (each: DuckdbStore) =>
    (await each.devices({ prefix: '', match: '', after: undefined, limit: 10 }, never)).rows.map(
      ({ device }) => device,
    )
  assert.deepEqual(await present(store), ['demo-2', 'pump'])
  assert.deepEqual(await store.count(never), { readings: 2, documents: 0 })
  clock.pass(60 * day)
  await log.put(store, [{ device: 'pump', metric: 'm', time: at(63 * day), value: 2 }])
  await store.settle()
  assert.deepEqual(await present(store), ['pump'])
  assert.equal((await store.count(never)).readings, 1)
  await store.close()
  const second = await openStore(t, file, { clock, retention })
  assert.deepEqual(await present(second), ['pump'])
  // The highest time was not lowered by the delete: the old row is compared, not taken for new without looking.
  assert.equal(
    (await log.put(second, [{ device: 'demo-2', metric: 'm', time: at(3 * day), value: 1 }])).stored,
    1,
  )
})

test('a clock that jumps ahead removes nothing', async (t) => {
  const clock = new HandClock()
  const retention = { readings: [{ devices: '*', keepDays: 1 }], documents: [] }
  const store = await openStore(t, undefined, { clock, retention })
  await new PaperLog().put(store, [{ device: 'a', metric: 'm', time: at(0), value: 1 }])
  clock.wall += 1000 * day * 1_000_000
  clock.ms += 3_600_000
  await store.settle()
  assert.equal((await store.count(never)).readings, 1)
})
