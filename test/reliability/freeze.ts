/** The whole server stands still for a minute under load, and goes on: nothing acknowledged is lost, intake is back within 5 s. */
import { z } from 'zod'
import type { Fault } from '../../src/prove/fault.ts'
import { frozen } from '../../src/prove/faults/freeze.ts'
import { proveWith } from './prove-with/prove-with.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    times: z.int().positive().default(3).describe('how often'),
    seconds: z.number().positive().default(60).describe('how long'),
    rate: z.number().positive().default(5_000).describe('records a second'),
  })
  .describe('SIGSTOP of everything for a minute, then SIGCONT')

export function run({ times, seconds, rate }: z.output<typeof options>, report: Report): Promise<Outcome> {
  const fault: Fault = {
    name: 'freeze',
    async inject(server, _random, signal) {
      return { counts: { freezes: 1 }, violations: await frozen(server, seconds * 1000, signal) }
    },
  }
  return proveWith(
    Array.from({ length: times }, () => fault),
    { devices: 8, rate },
    report,
  )
}
