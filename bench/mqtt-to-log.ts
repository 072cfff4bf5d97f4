/** MQTT QoS 1 in → decoded → columns → fdatasync → PUBACK, on the real program with its store at work beside it. */
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { type BenchOptions, type BenchResult, measure } from './load/measure.ts'
import { sluiceToLog } from './load/sluice-subject.ts'
import { runReference } from './reference/run.ts'

export async function run(options: BenchOptions = {}): Promise<BenchResult> {
  const data = makeBenchFolder('mqtt-to-log', options.data)
  const result = await measure('mqtt-to-log', await sluiceToLog(data), options)
  removeBenchFolder(data) // a run that failed keeps its data
  return result
}

export function reference(options: BenchOptions = {}): Promise<BenchResult> {
  return runReference('mqtt-to-log', options)
}
