/** kill -9 under load over MQTT and HTTP: into commits of the log, into transactions of the store, anywhere, and into the start that follows. */
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import type { Fault, FaultCounts } from '../../src/prove/fault.ts'
import type { OwnServer } from '../../src/prove/own-server.ts'
import { killInCommit } from '../../src/prove/kill-in-commit.ts'
import { proveWith } from './prove-with/prove-with.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    cycles: z.int().positive().default(300).describe('kills under load, each with a start behind it'),
    devices: z.int().positive().default(20).describe('over MQTT 3.1.1 and 5, QoS 1 and 2, and HTTP'),
    rate: z.number().positive().default(20_000).describe('records a second, all devices together'),
    everyStart: z.int().min(1).default(3).describe('one start of so many is killed too, at a random moment'),
  })
  .describe('kill -9 at random points under load over MQTT and HTTP, and while it starts again')

export async function run(
  { cycles, devices, rate, everyStart }: z.output<typeof options>,
  report: Report,
): Promise<Outcome> {
  const kill = aimedKill(everyStart)
  const kills = Array.from({ length: cycles }, () => kill)
  const { seen, ...outcome } = await proveWith(kills, { devices, rate }, report)
  // as: src/prove/report.ts; a member that is missing shows below
  const { faults: done, openCommits } = seen as { faults?: Record<string, FaultCounts>; openCommits?: number }
  const counts = done?.[kill.name] ?? {}
  const faults = [...outcome.faults]
  if (outcome.n < cycles) faults.push(`${outcome.n} of ${cycles} kills were made`)
  if (!openCommits) faults.push('no kill fell into an open commit: this run proves nothing')
  if (cycles >= 3 * everyStart && !counts['duringRecovery']) faults.push('no kill fell into a start')
  if (cycles >= 3 && !counts['inStore']) faults.push('no kill fell into a transaction of the store')
  return { ...outcome, seen, faults }
}

/** What a kill is aimed at, in turn. */
const aims = ['log', 'store', undefined] as const
/** How long a kill waits for what it is aimed at: the store may still be opening. */
const aimMs = 15_000
/** A start is killed at a random moment of about the time that starts take here. */
const firstStartMs = 500

function aimedKill(everyStart: number): Fault {
  let turn = 0
  let startMs = firstStartMs
  return {
    name: 'kill',
    async inject(server, random, signal) {
      const aim = aims[turn++ % aims.length]
      // The store's transactions are those of a process of its own. The tree is looked up before, because that takes longer than a commit.
      const isWhole = random() < 0.5 || aim === 'store'
      const pids = isWhole ? server.tree : [server.pid]
      const counts = {
        kills: 1,
        inLog: 0,
        inStore: 0,
        wholeTree: isWhole ? 1 : 0,
        duringRecovery: 0,
        afterRecovery: 0,
      }
      const hit = aim !== undefined && (await killInCommit(server.data, aim, pids, aimMs))
      await server.kill(pids)
      if (hit) counts[aim === 'log' ? 'inLog' : 'inStore']++
      // Not always the one after the same aim.
      const isStartKilled = (turn + Math.floor(turn / aims.length)) % everyStart === 0
      if (isStartKilled && !signal.aborted) {
        const before = readyLines(server)
        await server.spawn()
        await setTimeout(random() * startMs)
        await server.kill()
        counts[readyLines(server) > before ? 'afterRecovery' : 'duringRecovery']++
      }
      if (signal.aborted) return { counts }
      // One that is on its way to its books must not be taken for one whose books are wrong.
      const told = server.output.match(/^.*"code":"books-.*$/m)
      const from = performance.now()
      const failedStarts = await start(server)
      startMs = performance.now() - from
      return {
        counts: { ...counts, failedStarts: failedStarts.length },
        violations: [...failedStarts, ...(told ?? [])],
      }
    },
  }
}

/** Starts it, a second time if it must be; returns how the first failed. */
async function start(server: OwnServer): Promise<string[]> {
  try {
    await server.start()
    return []
  } catch (error) {
    await server.kill()
    await server.start()
    return [`a start failed: ${error instanceof Error ? error.message : String(error)}`]
  }
}

function readyLines({ output }: OwnServer): number {
  return output.match(/^ready\b/gm)?.length ?? 0
}
