/**
 * node test/simulation/run.ts [--seed S] [--histories N] [--workers W] [--events E]
 *
 * Runs N histories with the seeds S, S + 1, …, and prints one JSON object of what was seen. Exit code 0: all were as promised; 1: some
 * were not, and each is told on standard error with its last E events; 2: a wrong command.
 */
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { runHistories, toldFailure } from './histories.ts'

const whole = z.coerce.number().int()
const options = z.object({
  seed: whole.min(0).default(() => Math.floor(Math.random() * 2 ** 31)),
  histories: whole.min(1).default(10_000),
  workers: whole.min(1).default(1),
  events: whole.min(0).default(60),
})

const given = readOptions()
if (given === undefined) process.exitCode = 2
else process.exitCode = await run(given)

async function run({ seed, histories, workers, events }: z.output<typeof options>): Promise<number> {
  console.error(`seed ${seed}, ${histories} histories`)
  const started = performance.now()
  let told = started
  const { failed, ...totals } = await runHistories({
    ...{ seed, histories, workers },
    onProgress({ histories: done, failed: { length } }) {
      if (performance.now() - told < 10_000) return
      told = performance.now()
      console.error(`${done} histories, ${length} violations`)
    },
  })
  for (const failure of failed) console.error(toldFailure(failure, events))
  const seconds = (performance.now() - started) / 1000
  const violations = failed.map(({ seed: failedSeed, violation }) => ({ seed: failedSeed, violation }))
  const perSecond = Math.round(totals.histories / seconds)
  const ok = failed.length === 0
  console.log(JSON.stringify({ seed, ...totals, seconds: Math.round(seconds), perSecond, violations, ok }))
  return ok ? 0 : 1
}

function readOptions(): z.output<typeof options> | undefined {
  try {
    const string = { type: 'string' } as const
    const { values } = parseArgs({
      options: { seed: string, histories: string, workers: string, events: string },
    })
    return options.parse(values)
  } catch (error) {
    console.error(error instanceof z.ZodError ? z.prettifyError(error) : String(error))
    return undefined
  }
}
