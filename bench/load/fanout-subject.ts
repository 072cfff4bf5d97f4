import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { FanoutOptions, FanoutResult } from './fanout-load.ts'
import type { BenchResult, Subject } from './measure.ts'
import { TreeMonitor } from './tree-monitor.ts'

export type FanoutBenchOptions = Partial<Omit<FanoutOptions, 'host' | 'port'>> & { readonly data?: string }

export const defaultFanout: Omit<FanoutOptions, 'host' | 'port'> = {
  publishers: 1,
  subscribers: 1000,
  qos: 1,
  payload: 64,
  window: 16,
  messages: 0,
  seconds: 10,
}

/** Runs the load against the subject. The rate is messages a second that the subscribers themselves have counted. */
export async function measureFanout(
  bench: string,
  subject: Subject,
  options: FanoutBenchOptions,
): Promise<BenchResult> {
  const { data: _, ...given } = options
  const load = { ...defaultFanout, ...given }
  const tree = new TreeMonitor(subject.pid)
  try {
    const result = await runFanoutProcess({ ...load, host: '127.0.0.1', port: subject.port })
    if (result.failures.length > 0) throw new Error(`the load failed: ${result.failures.join('; ')}`)
    if (result.granted !== load.qos)
      throw new Error(`QoS ${load.qos} was asked for, ${result.granted} was granted`)
    if (result.delivered !== result.expected)
      throw new Error(`${result.delivered} of ${result.expected} messages were delivered`)
    const { rssMb, rssFirstMinuteMb, rssLastMinuteMb, cpuSeconds } = tree.use()
    const { fsyncs } = await subject.finish(0)
    return {
      bench,
      ratePerSecond: Math.round(result.delivered / result.seconds),
      unit: `deliveries/s (${load.publishers} to ${load.subscribers}, QoS ${load.qos})`,
      sent: result.published,
      acked: result.delivered,
      stored: 0,
      seconds: result.seconds,
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      rssMb,
      rssFirstMinuteMb,
      rssLastMinuteMb,
      series: 0,
      fsyncs,
      cpuSeconds,
      cpuMicrosPerMessage: (cpuSeconds * 1e6) / result.delivered,
      loadCpuSeconds: result.cpuSeconds,
    }
  } finally {
    tree.stop()
    subject.kill()
  }
}

/** The clients as a process of their own. */
async function runFanoutProcess(options: FanoutOptions): Promise<FanoutResult> {
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'fanout-load.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = await text(child.stdout)
  const line = output.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`the clients failed: ${output}`)
  return JSON.parse(line) as FanoutResult // as: fanout-load.ts prints it
}
