import { setTimeout } from 'node:timers/promises'
import { processTree, readProc } from '../../../src/prove/process-tree.ts'
import { freePort } from '../../../src/prove/free-port.ts'
import { SluiceProcess } from '../../support/sluice-process.ts'
import { drained } from '../../support/sluice-status.ts'
import { storedReadings } from '../../support/stored-readings.ts'
import type { Contender } from './contender.ts'

/** Sluice as it comes; its broker is the program, its subscriber the process of its store. */
export async function startSluice(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Contender> {
  const [mqttPort, httpPort] = [await freePort(), await freePort()]
  const start = () => SluiceProcess.start({ data: folder, mqttPort, httpPort, settings, readyMs: 60_000 })
  let sluice = await start()
  return {
    name: 'Sluice',
    port: mqttPort,
    async hit(part, signal, downMs) {
      if (part === 'subscriber') {
        for (const pid of storePids(sluice.pid)) process.kill(pid, signal)
        return
      }
      sluice.kill(signal)
      await sluice.closed
      await setTimeout(downMs)
      sluice = await start()
    },
    async settle(acked) {
      await drained(sluice, { rows: acked, timeoutMs: 120_000 })
    },
    async stop() {
      if (sluice.running) await sluice.stop()
    },
    rows: () => storedReadings(folder),
  }
}

function storePids(pid: number): number[] {
  return processTree(pid)
    .slice(1)
    .filter((child) => readProc(`/proc/${child}/cmdline`)?.includes('store-process'))
}
