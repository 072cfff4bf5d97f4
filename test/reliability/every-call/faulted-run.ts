import { rmSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type CallKind, callKinds, type DiskFault } from '../../../src/prove/disk-shim/control.ts'
import { shimOf, withShim } from '../../../src/prove/disk-shim/disk-shim.ts'
import { Fleet } from '../../../src/prove/fleet.ts'
import { freePort } from '../../../src/prove/free-port.ts'
import { Ledger } from '../../../src/prove/ledger.ts'
import { OwnServer } from '../../../src/prove/own-server.ts'
import { drained } from '../../../src/prove/server-status.ts'
import { judgeSink } from '../../../src/prove/sink-judge.ts'

export interface FaultedRun {
  /** Calls of each kind that the run made, up to its stop. */
  readonly calls: Readonly<Record<CallKind, number>>
  /** What the fault fell on; '' if the run was over before. */
  readonly hit: string
  /** How the run that met the fault ended. */
  readonly ending: 'stopped' | 'killed' | 'ended' | 'refused to start'
  readonly acked: number
  /** What is not as promised, in words. */
  readonly faults: readonly string[]
}

const load = { devices: 4, rate: 4_000, ms: 1_200, answerMs: 3_000 } as const
const drainMs = 30_000
const program = path.resolve(import.meta.dirname, '../../../src/cli/main.ts')

/**
 * The fixed scenario, in which one call fails: a start, records over MQTT and HTTP, writes of a store and of a file, changes of the
 * segment, retention's removals, a stop. Afterwards the same folder is started without a fault, and judged.
 */
export async function faultedRun(
  folder: string,
  fault: DiskFault | undefined,
  seed: number,
  signal: AbortSignal,
): Promise<FaultedRun> {
  const ports = { mqttPort: await freePort(), httpPort: await freePort() }
  // A day of retention is 0.864 s: what has been stored is removed while the load goes on.
  const settings = { 'log.segmentBytes': '64 KiB', 'log.retentionDays': '0.00001', 'sinks.copy.type': 'file' }
  const target = { program, folder, ...ports, environment: {}, nodeFlags: [], readyMs: 20_000 }
  const options = await withShim({
    ...target,
    settings: { ...settings, 'sinks.copy.path': path.join(folder, 'data', 'copy.ndjson') },
  })
  const server = new OwnServer(options)
  const ledger = new Ledger({ seed, devices: load.devices, metrics: 3, identity: 'time' })
  const { control } = shimOf(server)
  const faults: string[] = []
  const seenBefore = control.seen
  if (fault !== undefined) control.set(fault)
  try {
    const ending = await failingLife(server, ledger, faults, signal)
    const calls = callsSince(seenBefore, control.seen)
    control.clear()
    const hit = fault === undefined ? '' : control.hits > 0 ? control.firstHit : ''
    await judgedLife(server, ledger, faults, signal)
    return { calls, hit, ending, acked: ledger.totals().acked, faults }
  } finally {
    await server.kill()
    if (faults.length === 0) rmSync(folder, { recursive: true, force: true })
  }
}

/** The run that meets the fault: whatever becomes of it, it must not hang, and must say why it ends. */
async function failingLife(
  server: OwnServer,
  ledger: Ledger,
  faults: string[],
  signal: AbortSignal,
): Promise<FaultedRun['ending']> {
  try {
    await server.start()
  } catch (error) {
    if (server.running) {
      faults.push(`a start hangs: ${String(error)}`)
      await server.kill()
    }
    return await endingOf(server, 'refused to start', faults)
  }
  const { mqttPort, httpPort } = server.options
  const fleet = new Fleet({
    ...{ host: '127.0.0.1', port: mqttPort, httpUrl: `http://127.0.0.1:${httpPort}`, ledger },
    ...{ rate: load.rate, window: 200, qos: 'mixed', answerTimeoutMs: load.answerMs },
  })
  fleet.start()
  try {
    await setTimeout(load.ms, undefined, { signal })
    // What is read-only answers nothing more; what has died neither.
    await fleet.finish(AbortSignal.timeout(load.answerMs)).catch(() => undefined)
  } finally {
    fleet.close()
  }
  faults.push(...fleet.violations)
  if (!server.running) return await endingOf(server, 'ended', faults)
  const { code, killed } = await server.terminate()
  if (killed) faults.push(`SIGTERM did not end it:\n${server.output.slice(-1000)}`)
  return code === 0 ? 'stopped' : await endingOf(server, 'ended', faults)
}

async function endingOf(
  server: OwnServer,
  ending: FaultedRun['ending'],
  faults: string[],
): Promise<FaultedRun['ending']> {
  const { code, signal } = await server.exited
  if (signal === 'SIGKILL') return 'killed'
  // A sentence and its code of the error table; or the log line of a part that has died.
  const isTold = /^sluice: .+ \([a-z-]+\)$/m.test(server.output) || server.output.includes('"level":60')
  if (!isTold)
    faults.push(`it ended with ${code ?? signal} and no clear message:\n${server.output.slice(-1000)}`)
  return ending
}

/** The run after it, which meets no fault: it starts, has everything that was acknowledged, and stops. */
async function judgedLife(
  server: OwnServer,
  ledger: Ledger,
  faults: string[],
  signal: AbortSignal,
): Promise<void> {
  try {
    await server.start()
    const { acked } = ledger.totals()
    const status = await drained(server, {
      ...{ rows: { readings: acked }, isAlone: true, timeoutMs: drainMs, signal },
    })
    if (!status.books.balanced) faults.push('the books of the door do not balance')
    for (const { name, stream, balanced } of status.sinks)
      if (!balanced) faults.push(`the books of ${name} (${stream}) do not balance`)
    for (const { code, message } of status.alarms) faults.push(`alarm ${code}: ${message}`)
    const { code, killed } = await server.terminate()
    if (code !== 0 || killed) faults.push(`the start after it ended with ${code}`)
  } catch (error) {
    faults.push(`after it: ${String(error)}\n${server.output.slice(-1000)}`)
    await server.kill()
    return
  }
  for (const sink of [
    { name: 'main', type: 'duckdb', file: path.join(server.data, 'main.duckdb') },
    { name: 'copy', type: 'file', file: path.join(server.data, 'copy.ndjson') },
  ] as const) {
    const { verdict } = await judgeSink(ledger, sink)
    faults.push(...verdict.examples.map((example) => `${sink.name}: ${example}`))
  }
}

function callsSince(
  before: Readonly<Record<CallKind, number>>,
  now: Readonly<Record<CallKind, number>>,
): Record<CallKind, number> {
  const since = { ...now }
  for (const kind of callKinds) since[kind] -= before[kind]
  return since
}
