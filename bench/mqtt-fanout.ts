/**
 * MQTT messages of no ingest topic from publishers to all subscribers, beside Mosquitto as it comes. `--publishers 100 --subscribers 100`
 * is the other shape worth a look; `--qos 0` the other QoS.
 */
import { OwnServer } from '../test/support/own-server.ts'
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { type FanoutBenchOptions, measureFanout } from './load/fanout-subject.ts'
import type { BenchResult } from './load/measure.ts'
import { sluiceToLog } from './load/sluice-subject.ts'

export async function run(options: FanoutBenchOptions = {}): Promise<BenchResult> {
  const data = makeBenchFolder('mqtt-fanout', options.data)
  const result = await measureFanout('mqtt-fanout', await sluiceToLog(data), options)
  removeBenchFolder(data) // a run that failed keeps its data
  return result
}

export async function reference(options: FanoutBenchOptions = {}): Promise<BenchResult> {
  await using mosquitto = await OwnServer.start('mosquitto')
  const subject = {
    pid: mosquitto.pid ?? 0,
    port: mosquitto.port('mqtt'),
    kill: () => {},
    finish: async () => ({ stored: 0, storedAt: undefined, fsyncs: 0 }),
  }
  return await measureFanout('reference/mosquitto', subject, options)
}
