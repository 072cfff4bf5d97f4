import { systemClock } from '../../../src/lib/clock.ts'
import { DuckdbStore } from '../../../src/stores/duckdb/store.ts'

export const storeDevice = 'd'

/** A store in this process, with little memory. */
export function openStoreFile(file: string): Promise<DuckdbStore> {
  return DuckdbStore.open({
    file,
    memoryLimitMb: 128,
    threads: 1,
    clock: systemClock,
    retention: { readings: [], documents: [] },
    chunkRows: 12_000_000,
  })
}
