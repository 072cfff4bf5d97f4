import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { DuckDBInstance } from '@duckdb/node-api'
import { SluiceError } from '../../core/errors.ts'
import type { Aggregate, BucketRows, RangeQuery } from '../../core/store.ts'
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
const minute = 60_000_000

async function filled(
  t: Parameters<typeof openStore>[0],
  chunkRows = 12_000_000,
): Promise<[DuckdbStore, Row[]]> {
  const store = await openStore(t, undefined, { chunkRows, windowRows: 1_500 })
  const log = new PaperLog()
  const rows: Row[] = []
  for (let second = 0; second < 600; second++) {
    for (const metric of ['b', 'a', 'ä']) {
      const value = second % 50 === 0 && metric === 'b' ? 'off' : Math.sin(second) * 10
      const quality = second % 120 === 99 ? 0 : second % 180 === 99 ? 64 : 192
      rows.push({ device: 'd', metric, time: at(second), value, quality })
    }
  }
  for (let i = 0; i < rows.length; i += 300) {
    await log.put(store, rows.slice(i, i + 300))
    await store.settle()
  }
  return [store, rows]
}

const base: RangeQuery = {
  device: 'd',
  metric: undefined,
  from: -Infinity,
  to: Infinity,
  limit: 100_000,
  after: undefined,
  order: 'ascending',
}

async function pages(store: DuckdbStore, query: Partial<RangeQuery>) {
  const found: [string, number, bigint][] = []
  for await (const page of store.range({ ...base, ...query }, never)) {
    for (let i = 0; i < page.length; i++) {
      found.push([page.metric[i] ?? '', page.time[i] ?? 0, page.seq[i] ?? 0n])
    }
  }
  return found
}

test('pages of any size join to the whole range, both ways, over many chunks', async (t) => {
  const [store] = await filled(t, 1_000)
  const whole = await pages(store, {})
  assert.equal(whole.length, 1_800)
  assert.deepEqual([...new Set(whole.map(([metric]) => metric))], ['a', 'b', 'ä'])
  for (const order of ['ascending', 'descending'] as const) {
    const all = await pages(store, { order, from: at(10), to: at(590) })
    const joined: typeof all = []
    for (;;) {
      const last = joined.at(-1)
      const after = last && { metric: last[0], time: last[1], seq: last[2] }
      const page = await pages(store, { order, from: at(10), to: at(590), limit: 97, after })
      joined.push(...page)
      if (page.length < 97) break
    }
    assert.deepEqual(joined, all)
    const times = all.filter(([metric]) => metric === 'a').map(([, time]) => time)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => (order === 'ascending' ? a - b : b - a)),
    )
    assert.equal(times.length, 580)
  }
})

async function bucketsOf(store: DuckdbStore, query: object, aggregates: Aggregate[]) {
  const found: BucketRows[] = []
  const whole = { ...base, step: minute, aggregates, ...query }
  for await (const page of store.buckets(whole, never)) found.push(page)
  return found
}

test('buckets are aligned to 1970 and hold what a plain loop computes, over many chunks', async (t) => {
  const [store, rows] = await filled(t, 1_000)
  const aggregates: Aggregate[] = ['avg', 'min', 'max', 'sum', 'count', 'first', 'last', 'worstQuality']
  const [page] = await bucketsOf(store, { metric: 'b' }, aggregates)
  const byBucket = new Map<number, (number | string)[]>()
  const worst = new Map<number, number>()
  for (const { metric, time, value, quality = 192 } of rows) {
    if (metric !== 'b') continue
    const bucket = Math.floor(time / minute) * minute
    byBucket.set(bucket, [...(byBucket.get(bucket) ?? []), value])
    worst.set(bucket, Math.min(worst.get(bucket) ?? 255, quality))
  }
  assert.ok(page)
  assert.deepEqual([...(page.columns.worstQuality ?? [])], [...worst.values()])
  assert.deepEqual(
    [...new Set(worst.values())].sort((a, b) => a - b),
    [0, 64, 192],
  )
  assert.deepEqual([...page.time], [...byBucket.keys()])
  ;[...byBucket.values()].forEach((values, i) => {
    const numbers = values.filter((value) => typeof value === 'number')
    const sum = numbers.reduce((a, b) => a + b, 0)
    const close = (column: Aggregate, expected: number) => {
      const actual = page.columns[column]?.[i] ?? 0
      assert.ok(
        Math.abs(actual - expected) < 1e-9 || Object.is(actual, expected),
        `${column} ${actual} ${expected}`,
      )
    }
    close('sum', sum)
    close('avg', sum / numbers.length)
    close('min', Math.min(...numbers))
    close('max', Math.max(...numbers))
    close('count', values.length)
    const [first] = values
    const last = values.at(-1)
    close('first', typeof first === 'number' ? first : Number.NaN)
    close('last', typeof last === 'number' ? last : Number.NaN)
  })
})

test('buckets before 1970 begin before their rows, and a limit counts over all metrics', async (t) => {
  const store = await openStore(t)
  await new PaperLog().put(store, [
    { device: 'd', metric: 'a', time: -1, value: 1 },
    { device: 'd', metric: 'a', time: 1, value: 2 },
    { device: 'd', metric: 'b', time: 1, value: 3 },
  ])
  const [page] = await bucketsOf(store, { limit: 2 }, ['count'])
  assert.deepEqual(page && [...page.time], [-minute, 0])
  const all = await bucketsOf(store, {}, ['last'])
  assert.deepEqual(
    all.flatMap(({ metric }) => metric),
    ['a', 'a', 'b'],
  )
})

test('the series list tells kinds and times, page after page', async (t) => {
  const [store] = await filled(t)
  const first = await store.series(undefined, undefined, 2, never)
  assert.deepEqual(
    first.map(({ metric, kind, firstTime, lastTime }) => [metric, kind, firstTime, lastTime]),
    [
      ['a', 'number', at(0), at(599)],
      ['b', 'mixed', at(0), at(599)],
    ],
  )
  const last = first.at(-1)
  assert.deepEqual(
    (await store.series('d', last, 10, never)).map(({ metric }) => metric),
    ['ä'],
  )
})

test('an export holds every row of the range, as CSV and as Parquet', async (t) => {
  const [store] = await filled(t, 1_000)
  const folder = temporaryFolder(t)
  const instance = await DuckDBInstance.create()
  const connection = await instance.connect()
  t.after(() => instance.closeSync())
  const query = { device: 'd', metric: undefined, from: at(100), to: at(500) }
  const expected = (await rowsOf(store, 'd')).filter(({ time }) => time >= at(100) && time < at(500))
  for (const format of ['csv', 'parquet'] as const) {
    const file = path.join(folder, `it's.${format}`)
    assert.equal(await store.export(query, format, file, never), expected.length)
    const read = format === 'csv' ? 'read_csv' : 'read_parquet'
    const result = await connection.run(
      `SELECT metric, epoch_us(time)::DOUBLE, value, text FROM ${read}($1) ORDER BY metric, time`,
      [file],
    )
    // UTC, said so: a zoneless time is another moment for every reader.
    const types = await connection.run(`SELECT typeof(time) FROM ${read}($1) LIMIT 1`, [file])
    assert.deepEqual(await types.getRows(), [['TIMESTAMP WITH TIME ZONE']])
    const rows = (await result.getRows()).map(([metric, time, value, text]) => [metric, time, text ?? value])
    assert.deepEqual(
      rows,
      expected.map(({ metric, time, value }) => [metric, time, value]),
    )
  }
  const metric = { device: undefined, metric: 'a', from: -Infinity, to: Infinity }
  assert.equal(await store.export(metric, 'csv', path.join(folder, 'a.csv'), never), 600)
  const nothing = { device: 'nobody', metric: undefined, from: 0, to: 1 }
  assert.equal(await store.export(nothing, 'csv', path.join(folder, 'nothing.csv'), never), 0)
  assert.match(fs.readFileSync(path.join(folder, 'nothing.csv'), 'utf8'), /^device,metric,unit,time/)
  assert.deepEqual(
    fs.readdirSync(folder).filter((file) => file.includes('.part')),
    [],
  )
})

test('a query that is called off ends with its reason, and the next one runs', async (t) => {
  const [store] = await filled(t)
  const abort = new AbortController()
  abort.abort(new Error('enough'))
  await assert.rejects(store.count(abort.signal), /enough/)
  assert.equal((await store.count(never)).readings, 1_800)
})

test('two queries run, 64 wait, and a further one is told to come again', async (t) => {
  const [store] = await filled(t)
  const calls = Array.from({ length: 67 }, () => store.count(never))
  const results = await Promise.allSettled(calls)
  const refused = results.filter((result) => result.status === 'rejected')
  assert.equal(refused.length, 1)
  assert.ok(refused[0]?.reason instanceof SluiceError && refused[0].reason.code === 'busy')
})
