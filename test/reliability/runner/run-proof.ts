import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inspect } from 'node:util'
import type { z } from 'zod'
import type { Outcome, Proof, Report } from './proof.ts'

export interface RunOptions {
  readonly name: string
  readonly seed?: number
  /** Where its folder is made. */
  readonly parent?: string
  readonly signal: AbortSignal
  note(line: string): void
}

export interface ProofResult extends Outcome {
  readonly seed: number
  readonly seconds: number
  /** Of a run that was not ok. */
  readonly kept?: string
  readonly ok: boolean
}

/** Runs a proof in a folder of its own and ends whatever it has started. What it throws is a fault like any other. */
export async function runProof<Options extends z.ZodObject>(
  proof: Proof<Options>,
  options: z.output<Options>,
  { name, seed = seedOf(process.env['TEST_SEED']), parent = tmpdir(), signal, note }: RunOptions,
): Promise<ProofResult> {
  const start = performance.now()
  const folder = mkdtempSync(path.join(parent, `sluice-${name}-`))
  const ends: (() => void | Promise<void>)[] = []
  const report: Report = { seed, folder, signal, note, ends: (end) => ends.push(end) }
  note(`${name}: seed ${seed}, folder ${folder}`)
  const outcome = await outcomeOf(() => stoppable(proof.run(options, report), signal), note)
  const faults = [...outcome.faults]
  for (const end of ends.toReversed()) {
    try {
      await end()
    } catch (error) {
      faults.push(`the end failed: ${wordsOf(error)}`)
    }
  }
  const ok = faults.length === 0
  if (ok || signal.aborted) rmSync(folder, { recursive: true, force: true })
  const seconds = Math.round((performance.now() - start) / 100) / 10
  return { ...outcome, faults, seed, seconds, ...(ok || signal.aborted ? {} : { kept: folder }), ok }
}

async function outcomeOf(run: () => Promise<Outcome>, note: (line: string) => void): Promise<Outcome> {
  try {
    return await run()
  } catch (error) {
    note(inspect(error))
    return { n: 0, seen: {}, faults: [wordsOf(error)] }
  }
}

/** After Ctrl-C nothing waits for a proof that does not look at its signal. */
async function stoppable<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  const stopped = Promise.withResolvers<never>()
  const onAbort = (): void => stopped.reject(new Error('it was stopped'))
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort)
  try {
    return await Promise.race([running, stopped.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function seedOf(text = ''): number {
  return text === '' ? randomInt(2 ** 31) : Number(text)
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${wordsOf(error.cause)}`
}
