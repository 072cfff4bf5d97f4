/** SIGTERM under load, again and again: each stop takes less than ten seconds, and nothing acknowledged is lost. */
import { z } from 'zod'
import { term } from '../../src/prove/faults/term.ts'
import { proveWith } from './prove-with/prove-with.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    times: z.int().positive().default(100).describe('how often it is stopped'),
    rate: z.number().positive().default(5_000).describe('records a second'),
  })
  .describe('SIGTERM under load over MQTT and HTTP')

export function run({ times, rate }: z.output<typeof options>, report: Report): Promise<Outcome> {
  return proveWith(
    Array.from({ length: times }, () => term),
    { devices: 8, rate },
    report,
  )
}
