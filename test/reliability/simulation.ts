/** Simulated lives of a machine (test/simulation), by the million. */
import { z } from 'zod'
import { runHistories, toldFailure } from '../simulation/histories.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    histories: z.int().positive().default(1_000_000).describe('one after the other, each from its seed'),
    workers: z.int().positive().default(2).describe('threads'),
  })
  .describe('simulated histories of intake, log, pipelines, sinks and MQTT sessions, with crashes anywhere')

const noteEveryMs = 60_000

export async function run(
  { histories, workers }: z.output<typeof options>,
  { seed, note, signal }: Report,
): Promise<Outcome> {
  const started = performance.now()
  let noted = started
  const { failed, ...seen } = await runHistories({
    ...{ seed, histories, workers, signal },
    onProgress({ histories: done }) {
      if (performance.now() - noted < noteEveryMs) return
      noted = performance.now()
      note(`${done} histories`)
    },
  })
  const perSecond = Math.round((seen.histories * 1000) / (performance.now() - started))
  const faults = failed.map((failure) => toldFailure(failure, 60))
  if (seen.histories < histories && failed.length === 0) faults.push('it was stopped')
  return { n: seen.histories, seen: { ...seen, perSecond }, faults }
}
