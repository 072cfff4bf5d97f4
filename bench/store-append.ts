import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Readings } from '../src/core/batch.ts'
import { systemClock } from '../src/lib/clock.ts'
import { createDuckdbStore } from '../src/stores/duckdb/component.ts'
import type { DuckdbStore } from '../src/stores/duckdb/store.ts'
import { fillPlain, withPlainTable } from './reference/plain-duckdb.ts'
import { readOptions } from './runner/options.ts'

/** npm run bench -- store-append [--rows N] [--batchRows N] [--series N] [--memoryLimitMb N] [--threads N] [--data FOLDER] */
export interface StoreBenchOptions {
  readonly rows: number
  readonly batchRows: number
  readonly series: number
  readonly memoryLimitMb: number
  readonly threads: number
  /** Where the store's folder is made. */
  readonly data: string
}

export const storeBenchDefaults: StoreBenchOptions = {
  rows: 50_000_000,
  batchRows: 131_072,
  series: 1_000,
  memoryLimitMb: 96,
  threads: 2,
  data: os.tmpdir(),
}

export const benchLog = '00000000-0000-4000-8000-000000000000'
/** The first row's time; every series has a row a second from there. */
export const benchBegin = 1_700_000_000_000_000
export const never = new AbortController().signal

/** Appends rows of the fast lane, position and books in every transaction, and counts what the engine has afterwards. */
export async function run(given: Partial<StoreBenchOptions> = {}) {
  const options = { ...storeBenchDefaults, ...given }
  return withStore('append', options, async (store, file) => {
    const started = performance.now()
    const cpu = process.cpuUsage()
    const waits = await fill(store, options)
    const seconds = (performance.now() - started) / 1000
    const used = process.cpuUsage(cpu)
    const { readings } = await store.count(never)
    if (readings !== Math.ceil(options.rows / options.batchRows) * options.batchRows) {
      throw new Error(`the engine counts ${readings} rows`)
    }
    return {
      bench: 'store-append',
      ratePerSecond: Math.round(readings / seconds),
      unit: 'rows',
      stored: readings,
      seconds: round(seconds),
      ...percentiles(waits),
      rssMb: peakMb(),
      series: options.series,
      node: process.version,
      cores: os.availableParallelism(),
      batchRows: options.batchRows,
      cpuSeconds: round((used.user + used.system) / 1e6),
      fileMb: Math.round(fs.statSync(file).size / 1e6),
    }
  })
}

export async function reference(given: Partial<StoreBenchOptions> = {}) {
  const options = { ...storeBenchDefaults, ...given, begin: benchBegin }
  const rate = await withPlainTable(options, (connection) => fillPlain(connection, options))
  return { bench: 'reference/store-append', ratePerSecond: Math.round(rate), unit: 'rows' }
}

/** Opens a store in a folder of its own, which is removed afterwards. */
export async function withStore<T>(
  name: string,
  options: StoreBenchOptions,
  work: (store: DuckdbStore, file: string) => Promise<T>,
): Promise<T> {
  const folder = fs.mkdtempSync(path.join(options.data, `sluice-bench-${name}-`))
  const file = path.join(folder, 'store.duckdb')
  const { memoryLimitMb, threads } = options
  const store = await createDuckdbStore({ file, memoryLimitMb, threads, clock: systemClock })
  try {
    return await work(store, file)
  } finally {
    await store.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Stores rows in order of time, each with its own time and value; returns the milliseconds of every write. */
export async function fill(
  store: DuckdbStore,
  { rows, batchRows, series }: StoreBenchOptions,
): Promise<number[]> {
  const waits: number[] = []
  const batch = benchBatch(batchRows, series)
  for (let next = 0; next < rows; next += batchRows) {
    for (let i = 0; i < batchRows; i++) {
      batch.time[i] = benchBegin + Math.floor((next + i) / series) * 1_000_000
      batch.value[i] = ((next + i) % 9_973) / 10
      batch.series[i] = (next + i) % series
    }
    const started = performance.now()
    const { stored } = await write(store, { ...batch, base: BigInt(next) })
    waits.push(performance.now() - started)
    if (stored !== batchRows) throw new Error(`stored ${stored} of ${batchRows}`)
  }
  return waits
}

/** Writes a batch at its own numbers, which follow the last ones. */
export function write(store: DuckdbStore, batch: Readings) {
  const from = { log: benchLog, partition: 0, next: batch.base }
  const to = { ...from, next: batch.base + BigInt(batch.length) }
  const terms = { handed: batch.length, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }
  return store.write({ batch, from, to, terms }, never)
}

export function benchBatch(length: number, series: number): Readings {
  return {
    kind: 'readings',
    length,
    base: 0n,
    row: undefined,
    series: new Uint32Array(length),
    time: new Float64Array(length),
    value: new Float64Array(length),
    quality: new Uint8Array(length).fill(192),
    flags: new Uint8Array(length),
    text: undefined,
    extra: undefined,
    names: {
      size: series,
      version: 0,
      get: (id) => ({ device: benchDevice(id), metric: 'value', unit: '' }),
    },
  }
}

export function benchDevice(id: number): string {
  return `device-${String(id).padStart(4, '0')}`
}

export function percentiles(waits: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = waits.toSorted((a, b) => a - b)
  const at = (part: number) =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** Highest resident memory that this process ever had, in MB. */
export function peakMb(): number {
  return Math.round((process.resourceUsage().maxRSS * 1024) / 1e6)
}

export function round(value: number): number {
  return Math.round(value * 100) / 100
}

if (import.meta.main) console.log(JSON.stringify(await run(readOptions(process.argv.slice(2)))))
