import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Readings } from '../src/core/batch.ts'
import { systemClock } from '../src/lib/clock.ts'
import { createDuckdbStore } from '../src/stores/duckdb/component.ts'
import type { DuckdbStore } from '../src/stores/duckdb/store.ts'

export interface AppendOptions {
  readonly rows: number
  readonly batchRows: number
  readonly series: number
  readonly memoryLimitMb: number
  readonly threads: number
}

export const appendDefaults: AppendOptions = {
  rows: 20_000_000,
  batchRows: 131_072,
  series: 1_000,
  memoryLimitMb: 200,
  threads: 2,
}

/** Appends rows of the fast lane, position and books in every transaction, and counts what the engine has afterwards. */
export async function run(options: AppendOptions = appendDefaults) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'sluice-bench-append-'))
  const file = path.join(folder, 'store.duckdb')
  const store = await createDuckdbStore({
    file,
    memoryLimitMb: options.memoryLimitMb,
    threads: options.threads,
    clock: systemClock,
  })
  try {
    const started = performance.now()
    const cpu = process.cpuUsage()
    const { waits, peakMb } = await append(store, options)
    const seconds = (performance.now() - started) / 1000
    const used = process.cpuUsage(cpu)
    const { readings } = await store.count(new AbortController().signal)
    waits.sort((a, b) => a - b)
    return {
      bench: 'store-append',
      ratePerSecond: Math.round(readings / seconds),
      unit: 'rows',
      stored: readings,
      seconds: round(seconds),
      cpuSeconds: round((used.user + used.system) / 1e6),
      p50Ms: round(waits[waits.length >>> 1] ?? 0),
      p99Ms: round(waits[Math.floor(waits.length * 0.99)] ?? 0),
      rssMb: peakMb,
      fileMb: Math.round(fs.statSync(file).size / 1e6),
      batchRows: options.batchRows,
      series: options.series,
      node: process.version,
      cores: os.availableParallelism(),
    }
  } finally {
    await store.close()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function append(store: DuckdbStore, { rows, batchRows, series }: AppendOptions) {
  const waits: number[] = []
  let peakMb = 0
  const { signal } = new AbortController()
  const log = '00000000-0000-4000-8000-000000000000'
  const batch = columns(batchRows, series)
  const begin = 1_700_000_000_000_000
  for (let next = 0; next < rows; next += batchRows) {
    // Every row has its own time and value: 1,000 samples a second of each series.
    for (let i = 0; i < batchRows; i++) {
      batch.time[i] = begin + Math.floor((next + i) / series) * 1_000
      batch.value[i] = ((next + i) % 9_973) / 10
      batch.series[i] = (next + i) % series
    }
    const from = { log, partition: 0, next: BigInt(next) }
    const to = { ...from, next: BigInt(next + batchRows) }
    const terms = { handed: batchRows, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }
    const started = performance.now()
    const written = await store.write({ batch: { ...batch, base: BigInt(next) }, from, to, terms }, signal)
    waits.push(performance.now() - started)
    if (written.stored !== batchRows) throw new Error(`stored ${written.stored} of ${batchRows}`)
    peakMb = Math.max(peakMb, Math.round(process.memoryUsage.rss() / 1e6))
  }
  return { waits, peakMb }
}

function columns(length: number, series: number): Readings {
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
      get: (id) => ({ device: `device-${Math.floor(id / 10)}`, metric: `metric-${id % 10}`, unit: '' }),
    },
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

if (import.meta.main) {
  const [rows, batchRows, threads] = process.argv.slice(2).map(Number)
  const options = {
    ...appendDefaults,
    ...(rows && { rows }),
    ...(batchRows && { batchRows }),
    ...(threads && { threads }),
  }
  console.log(JSON.stringify(await run(options)))
}
