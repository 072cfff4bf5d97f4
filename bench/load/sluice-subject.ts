import { setTimeout } from 'node:timers/promises'
import { SluiceProcess } from '../../test/support/sluice-process.ts'
import { readingSinks, readStatus, type SluiceStatus } from '../../test/support/sluice-status.ts'
import { countReadings } from '../../test/support/stored-readings.ts'
import type { Subject } from './measure.ts'

/** The product itself, `sluice up` in an empty folder, measured up to its log. */
export async function sluiceToLog(data: string): Promise<Subject> {
  const sluice = await SluiceProcess.start({ data })
  return {
    pid: sluice.pid,
    port: sluice.mqttPort,
    kill: () => sluice.kill(),
    async finish(rows) {
      // The log's own count, which follows its commits at a small distance.
      const { log } = await until(sluice, 10_000, (status) => (status.log.rows['readings'] ?? 0) >= rows)
      await stop(sluice)
      return { stored: log.rows['readings'] ?? 0, storedAt: undefined, fsyncs: log.syncs }
    },
  }
}

/** The product, measured until every row can be counted in its store; the count is the store's own, from its file. */
export async function sluiceToStore(data: string, door: 'mqtt' | 'http' = 'mqtt'): Promise<Subject> {
  const sluice = await SluiceProcess.start({ data })
  return {
    pid: sluice.pid,
    port: door === 'mqtt' ? sluice.mqttPort : sluice.httpPort,
    kill: () => sluice.kill(),
    async finish(rows) {
      const { log } = await until(sluice, 600_000, (status) =>
        readingSinks(status).every(({ books }) => books.handed >= rows),
      )
      const storedAt = Date.now()
      await stop(sluice)
      const stored = await countReadings(data)
      if (stored !== rows) throw new Error(`${rows} rows were acknowledged, the store has ${stored}`)
      return { stored, storedAt, fsyncs: log.syncs }
    },
  }
}

async function until(
  sluice: SluiceProcess,
  timeoutMs: number,
  isSo: (status: SluiceStatus) => boolean,
): Promise<SluiceStatus> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const status = await readStatus(sluice)
    if (isSo(status)) return status
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${JSON.stringify(status)}`)
    await setTimeout(20)
  }
}

async function stop(sluice: SluiceProcess): Promise<void> {
  const { code, signal } = await sluice.stop()
  if (code !== 0) throw new Error(`sluice ended with ${code ?? signal}:\n${sluice.output.slice(-2000)}`)
}
