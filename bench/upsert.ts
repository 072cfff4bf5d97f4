import os from 'node:os'
import {
  benchBatch,
  benchBegin,
  fill,
  never,
  peakMb,
  percentiles,
  round,
  type StoreBenchOptions,
  storeBenchDefaults,
  withStore,
  write,
} from './store-append.ts'
import { readOptions } from './runner/options.ts'

/** npm run bench -- upsert [--rows N stored before] [--upserts N] [--batchRows N] … as store-append */
export interface UpsertOptions extends StoreBenchOptions {
  /** Rows of the upsert lane. */
  readonly upserts: number
}

export const upsertDefaults: UpsertOptions = {
  ...storeBenchDefaults,
  rows: 100_000_000,
  upserts: 5_000_000,
}

/** Recent repeats come from the newest rows, this many. */
const recentRows = 1_000_000

/**
 * Rows that all take the upsert lane of a store that is full already: nine of ten are repeats of recent rows with another value, one
 * of ten is late, uniform over all stored time and between the rows that stand there.
 */
export async function run(given: Partial<UpsertOptions> = {}) {
  const options = { ...upsertDefaults, ...given }
  const { series, batchRows, upserts } = options
  return withStore('upsert', options, async (store) => {
    await fill(store, options)
    await store.settle()
    const before = (await store.count(never)).readings
    const batch = benchBatch(batchRows, series)
    const random = generator(1)
    const waits: number[] = []
    const counts = { stored: 0, overwritten: 0, repeated: 0 }
    const started = performance.now()
    const cpu = process.cpuUsage()
    for (let done = 0; done < upserts; done += batchRows) {
      for (let i = 0; i < batchRows; i++) {
        const isLate = i % 10 === 9
        const row = isLate ? random() % before : before - 1 - (random() % recentRows)
        batch.series[i] = row % series
        batch.time[i] =
          benchBegin + Math.floor(row / series) * 1_000_000 + (isLate ? 1 + (random() % 999_999) : 0)
        batch.value[i] = random() % 1000
      }
      const began = performance.now()
      const written = await write(store, { ...batch, base: BigInt(before + done) })
      waits.push(performance.now() - began)
      counts.stored += written.stored
      counts.overwritten += written.overwritten
      counts.repeated += written.repeated
    }
    const seconds = (performance.now() - started) / 1000
    const used = process.cpuUsage(cpu)
    const { readings } = await store.count(never)
    if (readings !== before + counts.stored) throw new Error(`the engine counts ${readings} rows`)
    const handed = Math.ceil(upserts / batchRows) * batchRows
    if (counts.stored + counts.overwritten + counts.repeated !== handed) throw new Error('the books differ')
    return {
      bench: 'upsert',
      ratePerSecond: Math.round(handed / seconds),
      unit: 'rows',
      stored: readings,
      seconds: round(seconds),
      ...percentiles(waits),
      rssMb: peakMb(),
      series,
      node: process.version,
      cores: os.availableParallelism(),
      batchRows,
      before,
      inserted: counts.stored,
      overwritten: counts.overwritten,
      cpuSeconds: round((used.user + used.system) / 1e6),
    }
  })
}

/** Whole random numbers below 2^31, the same in every run. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 1
  }
}

if (import.meta.main) console.log(JSON.stringify(await run(readOptions(process.argv.slice(2)))))
