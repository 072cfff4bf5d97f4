/** HTTP POST in → decoded → columns → fdatasync → 202 → DuckDB, until the store's own count(*) has every reading. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import type { HttpLoadOptions, HttpLoadResult } from './load/http-load.ts'
import type { Subject } from './load/measure.ts'
import { startReference } from './load/reference-subject.ts'
import { sluiceToStore } from './load/sluice-subject.ts'
import { TreeMonitor } from './load/tree-monitor.ts'

export type HttpBenchOptions = Partial<Omit<HttpLoadOptions, 'port'>> & { readonly data?: string }

export async function run({ data: parent, ...load }: HttpBenchOptions = {}) {
  const data = makeBenchFolder('http-to-store', parent)
  const result = await measureHttp('http-to-store', await sluiceToStore(data, 'http'), load)
  removeBenchFolder(data) // a run that failed keeps its data
  return result
}

export async function reference({ data: parent, ...load }: HttpBenchOptions = {}) {
  const data = makeBenchFolder('reference-http-to-store', parent)
  const result = await measureHttp(
    'reference/http-to-store',
    await startReference('http-to-store', data),
    load,
  )
  removeBenchFolder(data)
  return result
}

async function measureHttp(bench: string, subject: Subject, load: HttpBenchOptions) {
  const tree = new TreeMonitor(subject.pid)
  try {
    const result = await runLoadProcess({
      connections: 8,
      seconds: 10,
      batch: 1000,
      metrics: 50,
      ...load,
      port: subject.port,
    })
    if (result.failures.length > 0) throw new Error(`the load failed: ${result.failures.join('; ')}`)
    const { rssMb, cpuSeconds } = tree.use()
    const { stored, storedAt = Date.now(), fsyncs } = await subject.finish(result.acked)
    const seconds = (storedAt - result.startedAt) / 1000
    return {
      bench,
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
      fsyncs,
      cpuSeconds,
      loadCpuSeconds: result.cpuSeconds,
    }
  } finally {
    tree.stop()
    subject.kill()
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
