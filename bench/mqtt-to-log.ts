/** MQTT QoS 1 in → decoded → columns → fdatasync → PUBACK, on the real program with its store at work beside it. */
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { type BenchOptions, type BenchResult, measure } from './load/measure.ts'
import { sluiceToLog } from './load/sluice-subject.ts'

export async function run(options: BenchOptions = {}): Promise<BenchResult> {
  const data = makeBenchFolder('mqtt-to-log')
  const result = await measure('mqtt-to-log', await sluiceToLog(data), options)
  removeBenchFolder(data) // a run that failed keeps its data
  return result
}
