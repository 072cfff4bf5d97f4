/**
 * The same devices, ledger and judge before Mosquitto and a script that writes to SQLite, in two forms, and before Sluice: what each has lost
 * and doubled after the same faults. It holds if Sluice has lost and doubled nothing, and nobody has anything while nothing fails; what the
 * others do is what is to be seen.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { Fleet } from '../../src/prove/fleet.ts'
import { judge } from '../../src/prove/judge.ts'
import { Ledger } from '../../src/prove/ledger.ts'
import { needsToStart } from '../support/needs.ts'
import { seededRandom } from '../support/random.ts'
import type { Contender } from './baseline/contender.ts'
import { careful, quick, startMosquitto } from './baseline/mosquitto.ts'
import { SmallDisk, smallDiskMissing } from './baseline/small-disk.ts'
import { startSluice } from './baseline/sluice.ts'
import type { Outcome, Report } from './runner/proof.ts'

const faultNames = [
  'none',
  'kill-broker',
  'term-broker',
  'kill-subscriber',
  'term-subscriber',
  'disk-full',
] as const
type FaultName = (typeof faultNames)[number]

export const options = z
  .object({
    cycles: z.int().positive().default(20).describe('how often each fault is done to each'),
    rate: z
      .number()
      .positive()
      .default(200)
      .describe('records a second: few enough for every one of them while nothing fails'),
    quietSeconds: z
      .number()
      .positive()
      .default(8)
      .describe('without a row before a database is taken to have all: a script is started again many times'),
    faults: z
      .string()
      .default(faultNames.join(','))
      .transform((names) => names.split(','))
      .pipe(z.array(z.enum(faultNames)))
      .describe('which'),
  })
  .describe('Mosquitto + a subscriber script + SQLite, and Sluice, under the same faults: what each loses')

/** What became of the records under one fault. */
interface Losses {
  readonly cycles: number
  readonly acked: number
  readonly stored: number
  readonly lost: number
  readonly duplicate: number
  readonly reordered: number
  /** What went wrong beside that, in words. */
  readonly remarks: readonly string[]
}

const devices = 8
/** Long enough for a script that was ended to be back before the next time. */
const calmMs = { least: 2_000, most: 4_000 }
const downMs = { least: 100, most: 1_000 }
const fullMs = 1_500
const diskMegabytes = 200
/** So that Sluice's log and its reserve fit the small disk. */
const smallSluice = { 'log.segmentBytes': '1 MiB', 'log.diskReserveBytes': '20 MB', 'log.maxBytes': '60 MB' }

export async function run(given: z.output<typeof options>, report: Report): Promise<Outcome> {
  const missing = needsToStart('mosquitto')
  if (missing !== false) return { n: 0, seen: {}, faults: [missing] }
  const table: Record<string, Record<string, Losses>> = {}
  const faults: string[] = []
  for (const fault of given.faults) {
    const why = fault === 'disk-full' ? smallDiskMissing() : undefined
    if (why !== undefined) {
      report.note(`${fault} is left out: ${why}`)
      continue
    }
    for (const start of contenders(fault, given.quietSeconds * 1000)) {
      const { name, losses } = await once(start, fault, given, report)
      report.note(`${fault}, ${name}: ${JSON.stringify(losses)}`)
      ;(table[name] ??= {})[fault] = losses
      if (
        (name === 'Sluice' || fault === 'none') &&
        (losses.lost > 0 || losses.duplicate > 0 || losses.remarks.length > 0)
      )
        faults.push(`${name} under ${fault}: ${JSON.stringify(losses)}`)
      if (losses.acked === 0) faults.push(`${name} under ${fault}: nothing was acknowledged`)
    }
  }
  return { n: given.cycles, seen: table, faults }
}

type Start = (folder: string) => Promise<Contender>

function contenders(fault: FaultName, quietMs: number): Start[] {
  return [
    (folder) => startMosquitto(quick, folder, quietMs),
    (folder) => startMosquitto(careful, folder, quietMs),
    (folder) => startSluice(folder, fault === 'disk-full' ? smallSluice : {}),
  ]
}

let runs = 0

/** One contender under one fault, again and again, and what its database holds afterwards. */
async function once(
  start: Start,
  fault: FaultName,
  { cycles, rate }: z.output<typeof options>,
  { seed, folder: parent, signal, ends }: Report,
): Promise<{ name: string; losses: Losses }> {
  const folder = path.join(parent, `${fault}-${++runs}`)
  const disk = fault === 'disk-full' ? new SmallDisk(folder, diskMegabytes) : undefined
  if (disk === undefined) mkdirSync(folder)
  else ends(() => disk.remove())
  const contender = await start(folder)
  ends(() => contender.stop())
  const ledger = new Ledger({ seed, devices, metrics: 5 })
  const fleet = new Fleet({ host: '127.0.0.1', port: contender.port, ledger, window: 100, rate })
  ends(() => fleet.close())
  const random = seededRandom(seed) // the same moments for each
  const between = ({ least, most }: typeof calmMs) => least + random() * (most - least)
  const remarks: string[] = []
  const attempt = async (what: string, step: () => Promise<void>) => {
    try {
      await step()
    } catch (error) {
      signal.throwIfAborted()
      remarks.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  fleet.start()
  for (let cycle = 0; cycle < cycles; cycle++) {
    await setTimeout(between(calmMs), undefined, { signal })
    const down = between(downMs)
    await attempt(`${fault} ${cycle + 1}`, async () => {
      if (disk !== undefined) {
        disk.fill()
        await setTimeout(fullMs, undefined, { signal })
        disk.free()
      } else if (fault !== 'none') {
        const part = fault.endsWith('broker') ? 'broker' : 'subscriber'
        await contender.hit(part, fault.startsWith('kill') ? 'SIGKILL' : 'SIGTERM', down)
      }
    })
  }
  await setTimeout(calmMs.most, undefined, { signal })
  await attempt('the last answers', () =>
    fleet.finish(AbortSignal.any([signal, AbortSignal.timeout(60_000)])),
  )
  const { acked } = ledger.totals()
  await attempt('the last rows', () => contender.settle(acked))
  await contender.stop()
  fleet.close()
  const { rows, faults } = await judge(ledger, contender.rows())
  const { lost, duplicate, reordered, phantom, corrupt } = faults
  if (phantom + corrupt > 0) remarks.push(`${phantom} rows that nobody sent, ${corrupt} with another value`)
  const losses = { cycles, acked, stored: rows - duplicate, lost, duplicate, reordered, remarks }
  return { name: contender.name, losses }
}
