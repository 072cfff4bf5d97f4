/** MQTT QoS 1 in → decoded → columns → fdatasync → PUBACK → DuckDB, until the store's own count(*) has every row. */
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { type BenchOptions, type BenchResult, measure } from './load/measure.ts'
import { sluiceToStore } from './load/sluice-subject.ts'
import { runReference } from './reference/run.ts'

export async function run(options: BenchOptions = {}): Promise<BenchResult> {
  const data = makeBenchFolder('mqtt-to-store', options.data)
  const result = await measure('mqtt-to-store', await sluiceToStore(data), options)
  removeBenchFolder(data) // a run that failed keeps its data
  return result
}

export function reference(options: BenchOptions = {}): Promise<BenchResult> {
  return runReference('mqtt-to-store', options)
}
