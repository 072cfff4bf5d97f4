import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { Bug } from './bugs.ts'

/** Who looks for a bug: a command of its own, so that the bug can be planted in everything it loads. Its exit code tells whether it found one. */
export type Finder =
  /** The model of the log beside a plain list (test/support/log-model.ts). */
  | { readonly by: 'log' }
  /** The simulation of the whole path. */
  | { readonly by: 'simulation' }
  /** A test of the suite by its name, or the beginning of it. */
  | { readonly by: 'test'; readonly file: string; readonly name: string }
  /** `sluice prove` on the real program, as a proof of test/reliability. */
  | { readonly by: 'proof'; readonly name: string; readonly options: readonly string[] }

/** A finder, and what it must have seen of a bug: that it failed for another reason is no proof. */
export interface Search {
  readonly finder: Finder
  readonly seen: RegExp
}

export interface Finding {
  readonly found: boolean
  /** What it took. */
  readonly tried: string
}

const root = path.resolve(import.meta.dirname, '../..')
const loader = new URL('./plant.ts', import.meta.url).href

/**
 * Lets a finder look at the product with the bug in it, or at the product as it is, from a seed on; `histories` bounds those that
 * draw lots. @throws if it has found something that is not the bug.
 */
export async function look(
  { finder, seen }: Search,
  bug: Bug | undefined,
  seed: number,
  histories: number,
): Promise<Finding> {
  const began = performance.now()
  const data = mkdtempSync(path.join(os.tmpdir(), 'sluice-planted-'))
  const planted = bug && { NODE_OPTIONS: `--import=${loader}`, TEST_PLANT: bug.name }
  const child = spawn(process.execPath, commandOf(finder, seed, histories, data), {
    cwd: root,
    env: { ...plainEnvironment(), ...planted },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  rmSync(data, { recursive: true, force: true })
  if (code !== 0 && (bug === undefined || !seen.test(output)))
    throw new Error(
      `${finder.by}, seed ${seed}: exit code ${code}, and not for the bug:\n${output}\n${complaint}`,
    )
  const seconds = `${((performance.now() - began) / 1000).toFixed(1)} s`
  return { found: code !== 0, tried: `${triedBy(finder, seed, output)}, ${seconds}` }
}

function commandOf(finder: Finder, seed: number, histories: number, data: string): string[] {
  if (finder.by === 'proof') {
    const place = ['--seed', String(seed), '--data', data]
    return ['test/reliability/run.ts', finder.name, ...finder.options, ...place]
  }
  if (finder.by !== 'test') return [`test/planted/find-in-${finder.by}.ts`, String(seed), String(histories)]
  const { file, name } = finder
  return ['--test', '--test-name-pattern', name, '--test-reporter', 'spec', '--test-isolation', 'none', file]
}

function triedBy(finder: Finder, seed: number, output: string): string {
  if (finder.by === 'test') return `${finder.file}, "${finder.name}"`
  if (finder.by === 'proof') return `the proof ${finder.name} ${finder.options.join(' ')}, seed ${seed}`
  const { histories } = JSON.parse(output) as { histories: number } // as the finders print it
  return `${histories} histories from seed ${seed} on`
}

/** Without what the runner of these tests has told us: a finder may run tests of its own. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...rest } = process.env
  return rest
}
