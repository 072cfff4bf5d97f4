/** HTTP POST in → decoded → columns → fdatasync → 202 → DuckDB, until the store's own count(*) has every reading. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { SluiceProcess } from '../test/support/sluice-process.ts'
import { drained } from '../test/support/sluice-status.ts'
import { countReadings } from '../test/support/stored-readings.ts'
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import type { HttpLoadOptions, HttpLoadResult } from './load/http-load.ts'
import { TreeMonitor } from './load/tree-monitor.ts'

export type HttpBenchOptions = Partial<Omit<HttpLoadOptions, 'port'>> & { readonly data?: string }

export async function run({ data: parent, ...load }: HttpBenchOptions = {}) {
  const data = makeBenchFolder('http-to-store', parent)
  const sluice = await SluiceProcess.start({ data })
  const tree = new TreeMonitor(sluice.pid)
  try {
    const result = await runLoadProcess({
      connections: 8,
      seconds: 10,
      batch: 1000,
      metrics: 50,
      ...load,
      port: sluice.httpPort,
    })
    if (result.failures.length > 0) throw new Error(`the load failed: ${result.failures.join('; ')}`)
    const { log } = await drained(sluice, { rows: result.acked, timeoutMs: 300_000 })
    const seconds = (Date.now() - result.startedAt) / 1000
    const { rssMb, cpuSeconds } = tree.use()
    const { code, signal } = await sluice.stop()
    if (code !== 0) throw new Error(`sluice ended with ${code ?? signal}:\n${sluice.output.slice(-2000)}`)
    const stored = await countReadings(data)
    if (stored !== result.acked)
      throw new Error(`${result.acked} readings were acknowledged, the store has ${stored}`)
    removeBenchFolder(data) // a run that failed keeps its data
    return {
      bench: 'http-to-store',
      ratePerSecond: Math.round(result.acked / seconds),
      unit: 'readings/s',
      requestsPerSecond: Math.round(result.requests / result.seconds),
      sent: result.sent,
      acked: result.acked,
      stored,
      seconds,
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      rssMb,
      series: result.series,
      fsyncs: log.syncs,
      cpuSeconds,
      loadCpuSeconds: result.cpuSeconds,
    }
  } finally {
    tree.stop()
    sluice.kill()
  }
}

async function runLoadProcess(options: HttpLoadOptions): Promise<HttpLoadResult> {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'load/http-load.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = await text(child.stdout)
  const line = output.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`the generator failed: ${output}`)
  return JSON.parse(line) as HttpLoadResult // as: http-load.ts prints it
}
