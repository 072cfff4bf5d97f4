/**
 * MQTT QoS 1 into Mosquitto → `$share` → replicas of Sluice → decoded → fdatasync → PUBACK → DuckDB, until the stores' own count(*) have
 * every row, once. `--replicas 3`; memory and time are those of the first replica. The reference drains the same broker and keeps nothing.
 */
import { setTimeout } from 'node:timers/promises'
import { OwnServer } from '../test/support/own-server.ts'
import { SluiceProcess } from '../test/support/sluice-process.ts'
import { readingSinks, readStatus } from '../test/support/sluice-status.ts'
import { countReadings } from '../test/support/stored-readings.ts'
import { shownSource } from '../test/support/shown-source.ts'
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { type BenchOptions, type BenchResult, measure, type Subject } from './load/measure.ts'
import { startDrain } from './load/drain-subject.ts'

type Options = BenchOptions & { readonly replicas?: number }

export async function run({ replicas = 1, ...options }: Options = {}): Promise<BenchResult> {
  await using broker = await OwnServer.start('mosquitto')
  const folders = Array.from({ length: replicas }, (_, i) =>
    makeBenchFolder(`broker-to-store-${i}`, options.data),
  )
  const result = await measure('broker-to-store', await sluicesAt(broker, folders), options)
  for (const folder of folders) removeBenchFolder(folder) // a run that failed keeps its data
  return result
}

export async function reference({ replicas: _, ...options }: Options = {}): Promise<BenchResult> {
  await using broker = await OwnServer.start('mosquitto')
  return await measure('reference/broker-drain', await startDrain(broker.port('mqtt')), options)
}

async function sluicesAt(broker: OwnServer, folders: readonly string[]): Promise<Subject> {
  const settings = {
    'sources.factory.type': 'mqtt-broker',
    'sources.factory.url': broker.variable('TEST_MOSQUITTO_URL'),
  }
  const sluices: SluiceProcess[] = []
  for (const data of folders) {
    const sluice = await SluiceProcess.start({ data, settings })
    sluices.push(sluice)
    while ((await shownSource(sluice)).state !== 'running') await setTimeout(20)
  }
  const handed = async () => {
    const statuses = await Promise.all(sluices.map(readStatus))
    return statuses.reduce((sum, status) => sum + (readingSinks(status)[0]?.books.handed ?? 0), 0)
  }
  return {
    pid: sluices[0]?.pid ?? 0,
    port: broker.port('mqtt'),
    kill() {
      for (const sluice of sluices) sluice.kill()
    },
    async finish(rows) {
      const end = performance.now() + 600_000
      while ((await handed()) < rows) {
        if (performance.now() > end) throw new Error(`${await handed()} of ${rows} rows after 600 s`)
        await setTimeout(20)
      }
      const storedAt = Date.now()
      let stored = 0
      let fsyncs = 0
      for (const [i, sluice] of sluices.entries()) {
        fsyncs += (await readStatus(sluice)).log.syncs
        const { code } = await sluice.stop()
        if (code !== 0) throw new Error(`sluice ended with ${code}:\n${sluice.output.slice(-2000)}`)
        stored += await countReadings(folders[i] ?? '')
      }
      if (stored !== rows) throw new Error(`${rows} rows were acknowledged, the stores have ${stored}`)
      return { stored, storedAt, fsyncs }
    },
  }
}
