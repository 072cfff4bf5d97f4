import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import type { Bug } from './bugs.ts'

/** What looks for bugs: a command of its own, so that a bug can be planted in everything it loads. Its exit code tells whether it found one. */
export interface Finder {
  /** After `node`; the seed where it takes one. */
  command(seed: number): readonly string[]
  /** What the command printed of its figures. */
  tried(output: string): string
}

export const finders = {
  log: {
    command: (seed) => ['test/planted/find-in-log.ts', String(seed), '300'],
    tried: (output) => `${(JSON.parse(output) as { histories: number }).histories} histories`,
  },
} as const satisfies Record<string, Finder>

export type FinderName = keyof typeof finders

export interface Finding {
  readonly found: boolean
  /** What the finder said. */
  readonly output: string
  readonly tried: string
  readonly seconds: number
}

const root = path.resolve(import.meta.dirname, '../..')
const loader = new URL('./plant.ts', import.meta.url).href

/** Lets a finder look at the product with the bug in it, or at the product as it is. @throws if it has found something that is not the bug. */
export async function look(name: FinderName, bug: Bug | undefined, seed: number): Promise<Finding> {
  const { command, tried }: Finder = finders[name]
  const began = performance.now()
  const planted = bug && { NODE_OPTIONS: `--import=${loader}`, TEST_PLANT: bug.name }
  const child = spawn(process.execPath, command(seed), {
    cwd: root,
    env: { ...plainEnvironment(), ...planted },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  const [output, complaint, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  if (code !== 0 && bug?.seen.test(output) !== true)
    throw new Error(`${name}, seed ${seed}: exit code ${code}, and not for the bug:\n${output}\n${complaint}`)
  return {
    found: code !== 0,
    output,
    tried: tried(output),
    seconds: Math.round((performance.now() - began) / 100) / 10,
  }
}

/** Without what the runner of these tests has told us: a finder may run tests of its own. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...rest } = process.env
  return rest
}
