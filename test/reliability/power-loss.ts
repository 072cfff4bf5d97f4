/** kill -9 of everything under load, mostly in the middle of a commit; then the disk loses what no sync had made certain, or part of it. */
import { z } from 'zod'
import { powerloss } from '../../src/prove/faults/powerloss.ts'
import { proveWith } from './prove-with/prove-with.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    times: z.int().positive().default(100).describe('how often'),
    rate: z.number().positive().default(5_000).describe('records a second'),
  })
  .describe('power losses under load: what was not synced is lost, all or any part of it')

export function run({ times, rate }: z.output<typeof options>, report: Report): Promise<Outcome> {
  return proveWith(
    Array.from({ length: times }, () => powerloss),
    { devices: 8, rate, settings: { 'log.segmentBytes': '1 MiB' } },
    report,
  )
}
