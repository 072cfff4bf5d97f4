/** A store that does not get up for ten minutes, while rows come at a quarter of what it can take; a file sink beside it must not notice. */
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { processTree, readProc } from '../../src/prove/process-tree.ts'
import { SluiceProcess } from '../support/sluice-process.ts'
import { drained, readStatus, type SluiceStatus } from '../support/sluice-status.ts'
import { countReadings, storedReadings } from '../support/stored-readings.ts'
import { judgeLoads } from './runner/load-rows.ts'
import { mqttLoad, startMqttLoad } from './runner/mqtt-load.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    seconds: z.number().positive().default(600).describe('for which the store is down'),
    measureSeconds: z
      .number()
      .positive()
      .default(60)
      .describe("at full speed, to find the store's maximum: that which it keeps up"),
    calmSeconds: z.number().positive().default(60).describe('at a quarter of it before the store goes down'),
    how: z
      .enum(['kill', 'freeze'])
      .default('kill')
      .describe('kill: kill -9 whenever it runs; freeze: SIGSTOP'),
    memoryMb: z.number().positive().default(64).describe('by which the gateway may grow'),
    drain: z.number().min(0).default(3).describe('times the intake that the store must take afterwards'),
    lagSeconds: z
      .number()
      .positive()
      .default(0.5)
      .describe('by which the median lag of the file sink may grow'),
  })
  .describe(
    'a store down for 10 minutes at a quarter of its maximum: nothing lost or twice, memory flat, others unmoved',
  )

const [connections, topics] = [16, 50]
const measured = { baseSeconds: 1_600_000_000, connections, topics }
const steady = { baseSeconds: 1_650_000_000, connections, topics }

/** The file sink gets everything and writes one device of sixteen: the disk is to be the log's and the store's. */
const settings = {
  'sinks.beside.type': 'file',
  'sinks.beside.path': 'beside.ndjson',
  'sinks.beside.maxBytes': '4000000000',
  'sinks.beside.keep': '1000',
  'pipelines.beside.processors': JSON.stringify([{ type: 'filter', device: 'load-000' }]),
}

export async function run(given: z.output<typeof options>, report: Report): Promise<Outcome> {
  const { folder, note, ends, signal } = report
  let sluice = await SluiceProcess.start({ data: folder, settings })
  ends(() => sluice.killTree())

  const full = await mqttLoad({ port: sluice.mqttPort, seconds: given.measureSeconds, ...measured }, signal)
  while (waitingOf(await readStatus(sluice), 'main').handed < full.ackedRows) await setTimeout(20)
  const maximum = full.ackedRows / ((Date.now() - full.startedAt) / 1000)
  const rate = Math.floor(maximum / 4)
  note(`the store takes ${Math.round(maximum)} rows/s: ${rate} are sent from now on`)
  // A process that has not been at full speed: what it grows by shows.
  await sluice.stop()
  sluice = await SluiceProcess.start({ data: folder, settings })
  const port = sluice.mqttPort

  const load = startMqttLoad({ port, rate, seconds: 100_000, ...steady }, signal)
  const phases = new Phases(sluice, rate)
  await phases.watch('calm', given.calmSeconds, signal)

  const hold = holdDown(sluice, given.how)
  ends(async () => {
    await hold.release()
  })
  await phases.watch('down', given.seconds, signal)
  const { downs } = await hold.release()
  const drain = await phases.watchDrain(600 + 2 * given.seconds, signal)
  note(`the backlog of ${drain.backlog} rows was gone ${drain.seconds} s after the store took rows again`)
  load.stop()
  const sent = await load.done
  const rows = full.ackedRows + sent.ackedRows
  const status = await drained(sluice, { rows, timeoutMs: 60_000 })
  const stop = await sluice.stop()

  const stored = await judgeLoads([measured, steady], storedReadings(folder))
  const counted = await countReadings(folder)
  const beside = status.sinks.find(({ name }) => name === 'beside')
  const grownMb = Math.round((phases.worstRssMb('down', 'drain') - phases.worstRssMb('calm')) * 10) / 10
  const times = Math.round((drain.rowsPerSecond / rate) * 100) / 100
  const lag = {
    calm: phases.medianLag('calm'),
    down: phases.medianLag('down'),
    drain: phases.medianLag('drain'),
  }

  const faults: string[] = []
  const expect = (isSo: boolean, what: string) => isSo || faults.push(what)
  expect(counted === rows, `the store has ${counted} rows, ${rows} were acknowledged`)
  expect(stored.right === rows, `${rows - stored.right} acknowledged rows are lost`)
  expect(stored.duplicates === 0, `${stored.duplicates} rows stand there twice`)
  expect(stored.strange === 0, `${stored.strange} rows were never sent so`)
  expect(beside?.books.handed === rows, `the file sink was handed ${beside?.books.handed} of ${rows} rows`)
  expect(status.alarms.length === 0, `alarms: ${status.alarms.map(({ message }) => message).join('; ')}`)
  expect(stop.code === 0, `it ended with ${stop.code ?? stop.signal}`)
  expect(
    phases.deepest > rate * given.seconds * 0.9,
    `the store was hardly down: ${phases.deepest} rows waited`,
  )
  expect(grownMb < given.memoryMb, `the gateway grew by ${grownMb} MB`)
  expect(times >= given.drain, `the store took ${times} times the intake afterwards`)
  expect(
    lag.down <= lag.calm + given.lagSeconds,
    `the file sink's lag was ${lag.down} s, before ${lag.calm} s`,
  )
  return {
    n: rows,
    seen: {
      ...{
        maximumRowsPerSecond: Math.round(maximum),
        rowsPerSecond: rate,
        downs,
        acknowledged: rows,
        stored: counted,
      },
      ...{ lost: rows - stored.right, duplicates: stored.duplicates, deepestBacklogRows: phases.deepest },
      ...{
        rssMb: { calm: phases.worstRssMb('calm'), down: phases.worstRssMb('down', 'drain'), grown: grownMb },
      },
      ...{
        fileSinkLagSeconds: lag,
        fileSinkWorstLagSeconds: { calm: phases.worstLag('calm'), down: phases.worstLag('down') },
      },
      ...{ drain: { ...drain, timesIntake: times }, worstPubackMs: Math.round(sent.maxMs) },
    },
    faults,
  }
}

interface Drain {
  /** When the store took rows again. */
  readonly backlog: number
  /** From then until less than a second of intake waited. */
  readonly seconds: number
  /** That the store took meanwhile, intake included. */
  readonly rowsPerSecond: number
}

type Phase = 'calm' | 'down' | 'drain'

/** What is seen of the gateway and its sinks, twice a second. */
class Phases {
  deepest = 0
  readonly #sluice: SluiceProcess
  readonly #rate: number
  readonly #seen: { phase: Phase; rssMb: number; lagSeconds: number }[] = []

  constructor(sluice: SluiceProcess, rate: number) {
    this.#sluice = sluice
    this.#rate = rate
  }

  async watch(phase: Phase, seconds: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + seconds * 1000
    while (performance.now() < end) {
      signal.throwIfAborted()
      await this.#look(phase)
      await setTimeout(500)
    }
  }

  async watchDrain(seconds: number, signal: AbortSignal): Promise<Drain> {
    const end = performance.now() + seconds * 1000
    const { handed: before } = await this.#look('drain')
    let first: { at: number; handed: number; backlog: number } | undefined
    for (;;) {
      signal.throwIfAborted()
      const { handed, backlog } = await this.#look('drain')
      const at = performance.now()
      if (handed > before) first ??= { at, handed, backlog }
      if (first !== undefined && backlog < this.#rate) {
        const took = (at - first.at) / 1000
        const rowsPerSecond = Math.round((handed - first.handed) / took)
        return { backlog: first.backlog, seconds: Math.round(took * 10) / 10, rowsPerSecond }
      }
      if (at > end) throw new Error(`${backlog} rows still wait ${seconds} s after the store was let go`)
      await setTimeout(100)
    }
  }

  worstRssMb(...phases: Phase[]): number {
    return Math.round(Math.max(...this.#of(phases).map(({ rssMb }) => rssMb)) * 10) / 10
  }

  medianLag(phase: Phase): number {
    const lags = this.#lags(phase)
    return lags[lags.length >> 1] ?? Number.NaN
  }

  worstLag(phase: Phase): number {
    return this.#lags(phase).at(-1) ?? Number.NaN
  }

  #lags(phase: Phase): number[] {
    const lags = this.#of([phase]).map(({ lagSeconds }) => Math.round(lagSeconds * 1000) / 1000)
    return lags.sort((a, b) => a - b)
  }

  #of(phases: readonly Phase[]) {
    return this.#seen.filter(({ phase }) => phases.includes(phase))
  }

  async #look(phase: Phase): Promise<{ handed: number; backlog: number }> {
    const status = await readStatus(this.#sluice)
    const main = waitingOf(status, 'main')
    const lagSeconds = waitingOf(status, 'beside').backlog / this.#rate
    this.deepest = Math.max(this.deepest, main.backlog)
    this.#seen.push({ phase, rssMb: rssMb(this.#sluice.pid), lagSeconds })
    return main
  }
}

function waitingOf({ sinks, log }: SluiceStatus, name: string): { handed: number; backlog: number } {
  const sink = sinks.find((sink) => sink.name === name && sink.stream === 'readings')
  if (sink === undefined) throw new Error(`there is no sink ${name}`)
  const { handed } = sink.books
  return { handed, backlog: Math.max(0, (log.rows['readings'] ?? 0) - handed) }
}

function rssMb(pid: number): number {
  const [, kb] = /^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? '') ?? []
  return Number(kb) / 1024
}

/** Keeps the store's process from working until it is released. */
function holdDown(sluice: SluiceProcess, how: 'kill' | 'freeze'): { release(): Promise<{ downs: number }> } {
  const frozen = new Set<number>()
  const stop = new AbortController()
  let downs = 0
  const running = (async () => {
    while (!stop.signal.aborted) {
      for (const pid of storePids(sluice.pid)) {
        if (frozen.has(pid)) continue
        if (how === 'freeze') frozen.add(pid)
        signalTo(pid, how === 'freeze' ? 'SIGSTOP' : 'SIGKILL')
        downs++
      }
      await setTimeout(20)
    }
  })()
  return {
    async release() {
      stop.abort()
      await running
      for (const pid of frozen) signalTo(pid, 'SIGCONT')
      return { downs }
    },
  }
}

function storePids(pid: number): number[] {
  return processTree(pid)
    .slice(1)
    .filter((child) => readProc(`/proc/${child}/cmdline`)?.includes('store-process'))
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {} // ended meanwhile
}
