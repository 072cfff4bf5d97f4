/** kill -9 under load over MQTT and HTTP: into commits of the log, into transactions of the store, anywhere, and into the start that follows. */
import { z } from 'zod'
import type { FaultCounts } from '../../src/prove/fault.ts'
import { killEvery } from '../../src/prove/faults/kill.ts'
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
  const kill = killEvery(everyStart)
  const kills = Array.from({ length: cycles }, () => kill)
  const { seen, ...outcome } = await proveWith(kills, { devices, rate }, report)
  // as: src/prove/report.ts; a member that is missing shows below
  const { faults: done, openCommits } = seen as { faults?: Record<string, FaultCounts>; openCommits?: number }
  const counts = done?.[kill.name] ?? {}
  const faults = [...outcome.faults]
  if (outcome.n < cycles) faults.push(`${outcome.n} of ${cycles} kills were made`)
  if (!openCommits) faults.push('no kill fell into an open commit: this run proves nothing')
  if (cycles >= 3 * everyStart && !counts['duringRecovery']) faults.push('no kill fell into a start')
  if (cycles >= 3 && !counts['inStoreCommits']) faults.push('no kill fell into a transaction of the store')
  return { ...outcome, seen, faults }
}
