import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { z } from 'zod'
import type { Proof } from './proof.ts'
import { type ProofResult, runProof } from './run-proof.ts'

/** The short version of a proof, as a test: it fails with what the proof finds. The seed comes from TEST_SEED if that is set. */
export async function holds<Options extends z.ZodObject>(
  t: TestContext,
  proof: Proof<Options>,
  options: z.input<Options>,
): Promise<ProofResult> {
  const result = await runProof(proof, proof.options.parse(options), {
    name: 'short',
    signal: t.signal,
    note: (line) => t.diagnostic(line),
  })
  t.diagnostic(JSON.stringify(result.seen))
  assert.ok(result.ok, `seed ${result.seed}, kept in ${result.kept}\n${result.faults.join('\n')}`)
  return result
}
