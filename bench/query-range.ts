import os from 'node:os'
import type { DuckdbStore } from '../src/stores/duckdb/store.ts'
import { askPlain, fillPlain, withPlainTable } from './reference/plain-duckdb.ts'
import { readOptions } from './runner/options.ts'
import {
  benchBegin,
  benchDevice,
  fill,
  never,
  peakMb,
  percentiles,
  round,
  type StoreBenchOptions,
  storeBenchDefaults,
  withStore,
} from './store-append.ts'

/** npm run bench -- query-range [--rows N] [--queries N] … as store-append */
export interface QueryOptions extends StoreBenchOptions {
  readonly queries: number
}

export const queryDefaults: QueryOptions = { ...storeBenchDefaults, rows: 100_000_000, queries: 200 }

const day = 86_400_000_000
const minute = 60_000_000

/** One series, one day at a row a second, in buckets of a minute; and beside it the latest value of 1,000 devices. */
export async function run(given: Partial<QueryOptions> = {}) {
  const options = { ...queryDefaults, ...given }
  const { queries, series } = options
  return withStore('query', options, async (store) => {
    await fill(store, options)
    await store.settle()
    const { readings } = await store.count(never)
    const covered = coveredBy(readings, series)
    await bucketDay(store, 0, covered)
    const started = performance.now()
    const waits: number[] = []
    for (let i = 0; i < queries; i++) {
      const began = performance.now()
      const buckets = await bucketDay(store, (i * 7919) % series, covered)
      waits.push(performance.now() - began)
      if (buckets < covered / minute) throw new Error(`${buckets} buckets`)
    }
    const seconds = (performance.now() - started) / 1000
    const latest = await timeLatest(store)
    const raw = await timeRaw(store, covered)
    return {
      bench: 'query-range',
      ratePerSecond: round(queries / seconds),
      unit: 'queries',
      stored: readings,
      seconds: round(seconds),
      ...percentiles(waits),
      rssMb: peakMb(),
      series,
      node: process.version,
      cores: os.availableParallelism(),
      ...latest,
      ...raw,
    }
  })
}

/** Fewer queries: each takes long enough. */
export async function reference(given: Partial<QueryOptions> = {}) {
  const options = { ...queryDefaults, ...given, begin: benchBegin }
  const { rows, series } = options
  const queries = Math.ceil(options.queries / 10)
  return withPlainTable(options, async (connection) => {
    await fillPlain(connection, options)
    const to = benchBegin + coveredBy(rows, series)
    const waits = await askPlain(connection, queries, { series, from: benchBegin, to, step: minute })
    const seconds = waits.reduce((sum, wait) => sum + wait, 0) / 1000
    return {
      bench: 'reference/query-range',
      ratePerSecond: round(queries / seconds),
      unit: 'queries',
      ...percentiles(waits),
    }
  })
}

/** µs that a day of every series covers, or what there is of it. */
function coveredBy(rows: number, series: number): number {
  return Math.min(day, Math.floor(rows / series) * 1_000_000)
}

async function bucketDay(store: DuckdbStore, id: number, covered: number): Promise<number> {
  let buckets = 0
  const query = {
    device: benchDevice(id),
    metric: 'value',
    from: benchBegin,
    to: benchBegin + covered,
    limit: 100_000,
    step: minute,
    aggregates: ['avg', 'min', 'max'] as const,
  }
  for await (const page of store.buckets(query, never)) buckets += page.length
  return buckets
}

async function timeLatest(store: DuckdbStore) {
  const waits: number[] = []
  let rows = 0
  for (let i = 0; i < 20; i++) {
    const began = performance.now()
    rows = (await store.latest(undefined, 1_000, never)).length
    waits.push(performance.now() - began)
  }
  return { latestRows: rows, latestP50Ms: percentiles(waits).p50Ms, latestP99Ms: percentiles(waits).p99Ms }
}

async function timeRaw(store: DuckdbStore, covered: number) {
  const waits: number[] = []
  let rows = 0
  for (let i = 0; i < 20; i++) {
    rows = 0
    const began = performance.now()
    const query = {
      device: benchDevice(i),
      metric: 'value',
      from: benchBegin,
      to: benchBegin + covered,
      limit: 100_000,
      after: undefined,
      order: 'ascending' as const,
    }
    for await (const page of store.range(query, never)) rows += page.length
    waits.push(performance.now() - began)
  }
  return { rawRows: rows, rawP50Ms: percentiles(waits).p50Ms }
}

if (import.meta.main) console.log(JSON.stringify(await run(readOptions(process.argv.slice(2)))))
