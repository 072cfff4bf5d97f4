import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import path from 'node:path'
import type { LoadOptions, LoadResult } from './mqtt-load.ts'
import { TreeMonitor } from './tree-monitor.ts'

/** What is put under load: a process with an MQTT port. */
export interface Subject {
  readonly pid: number
  /** Of the door that is measured. */
  readonly port: number
  /** Called when the load is over: waits until everything that `rows` acknowledged rows caused is done, and says what came of it. */
  finish(rows: number): Promise<SubjectResult>
  /** Ends the process if it still runs. */
  kill(): void
}

export interface SubjectResult {
  /** Rows at the end of the path that is measured, by that end's own count. */
  readonly stored: number
  /** Unix ms when the last of them could be counted; undefined where the last acknowledgement is the end. */
  readonly storedAt: number | undefined
  readonly fsyncs: number
}

export interface BenchResult {
  readonly bench: string
  readonly ratePerSecond: number
  readonly unit: string
  readonly sent: number
  readonly acked: number
  readonly stored: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rssMb: number
  readonly rssFirstMinuteMb: number
  readonly rssLastMinuteMb: number
  readonly series: number
  readonly fsyncs: number
  /** User and system time of the subject's processes, and of the generator. */
  readonly cpuSeconds: number
  /** The subject's: it hardly moves when others use the machine too. */
  readonly cpuMicrosPerMessage: number
  readonly loadCpuSeconds: number
}

export type BenchOptions = Partial<Omit<LoadOptions, 'host' | 'port'>> & {
  /** Folder on a real disk in which the bench makes its own; bench/out by default. */
  readonly data?: string
}

export const defaultLoad: Omit<LoadOptions, 'port'> = {
  host: '127.0.0.1',
  connections: 16,
  topics: 50,
  form: 'f5',
  elements: 1,
  window: 3000,
  messages: 0,
  seconds: 10,
  rate: 0,
  baseSeconds: 1_704_067_200,
}

/** Runs the generator against the subject. The rate is messages a second until the last row is where it belongs. */
export async function measure(bench: string, subject: Subject, options: BenchOptions): Promise<BenchResult> {
  const { data: _, ...given } = options
  const tree = new TreeMonitor(subject.pid)
  try {
    const load = await runLoadProcess({ ...defaultLoad, ...given, port: subject.port })
    if (load.failures.length > 0) throw new Error(`the load failed: ${load.failures.join('; ')}`)
    const use = tree.use()
    const { stored, storedAt, fsyncs } = await subject.finish(load.ackedRows)
    const seconds = storedAt === undefined ? load.seconds : (storedAt - load.startedAt) / 1000
    const { rssMb, rssLastMinuteMb, cpuSeconds } = tree.use()
    return {
      bench,
      ratePerSecond: Math.round(load.acked / seconds),
      unit: 'messages/s',
      sent: load.sent,
      acked: load.acked,
      stored,
      seconds,
      p50Ms: load.p50Ms,
      p99Ms: load.p99Ms,
      rssMb,
      rssFirstMinuteMb: use.rssFirstMinuteMb,
      rssLastMinuteMb,
      series: load.series,
      fsyncs,
      cpuSeconds,
      cpuMicrosPerMessage: (cpuSeconds * 1e6) / load.acked,
      loadCpuSeconds: load.cpuSeconds,
    }
  } finally {
    tree.stop()
    subject.kill()
  }
}

/** The generator as a process of its own. */
export async function runLoadProcess(options: LoadOptions): Promise<LoadResult> {
  const { baseSeconds, ...rest } = options
  const args = Object.entries({ ...rest, base: baseSeconds }).flatMap(([name, value]) => [
    `--${name}`,
    String(value),
  ])
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'mqtt-load.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const output = await text(child.stdout)
  const line = output.trim().split('\n').at(-1) ?? ''
  if (!line.startsWith('{')) throw new Error(`the generator failed: ${output}`)
  return JSON.parse(line) as LoadResult // as: mqtt-load.ts prints it
}
