/** The time of day jumps by up to two days in both directions under load: nothing is lost, nothing is removed before its time. */
import { z } from 'zod'
import { clock } from '../../src/prove/faults/clock.ts'
import { proveWith } from './prove-with/prove-with.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    times: z.int().positive().default(20).describe('how often, each time up to four jumps'),
    rate: z.number().positive().default(5_000).describe('records a second'),
  })
  .describe('jumps of the time of day')

export function run({ times, rate }: z.output<typeof options>, report: Report): Promise<Outcome> {
  return proveWith(
    Array.from({ length: times }, () => clock),
    { devices: 8, rate, settings: { 'log.segmentBytes': '1 MiB', 'log.retentionDays': '1' } },
    report,
  )
}
