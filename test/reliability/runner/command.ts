import { globSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { readOptions } from '../../../bench/runner/options.ts'
import { placeOf } from '../../../bench/runner/place.ts'
import { thisMachine } from './machine.ts'
import type { Proof } from './proof.ts'
import { runProof } from './run-proof.ts'

export interface Print {
  /** The one line of standard output. */
  result(line: string): void
  note(line: string): void
}

/** Options that every proof has, beside its own. */
const ownOptions = z.object({
  seed: z.int().min(0).optional(),
  data: z.string().optional(),
})

/** The command line `NAME [--option value …]` over the proofs in `folder`: 0 only if the proof holds, 2 for a wrong command. */
export async function runCommand(
  folder: string,
  [name, ...words]: readonly string[],
  print: Print,
  signal: AbortSignal,
): Promise<number> {
  const names = listProofs(folder)
  if (name === undefined || !names.includes(name)) {
    if (name !== undefined && !name.startsWith('-')) print.note(`there is no proof ${name}`)
    print.note('usage: node test/reliability/run.ts NAME [--option value …] [--seed N] [--data FOLDER]\n')
    for (const each of names) print.note(await describe(folder, each))
    return 2
  }
  const proof = await loadProof(folder, name)
  const given = optionsOf(words)
  if (typeof given === 'string') {
    print.note(given)
    return 2
  }
  const { seed, data, ...others } = given
  const own = ownOptions.safeParse({ seed, data })
  const options = z.strictObject(proof.options.shape).safeParse(others)
  for (const { error } of [own, options]) if (error !== undefined) print.note(z.prettifyError(error))
  if (!own.success || !options.success) {
    print.note(`\n${await describe(folder, name)}`)
    return 2
  }
  const parent = own.data.data ?? tmpdir()
  const { commit } = placeOf(parent) // before the run: it may take hours, in which the tree is worked on
  const result = await runProof(proof, options.data, {
    ...{ name, parent, signal, note: print.note },
    ...(own.data.seed === undefined ? {} : { seed: own.data.seed }),
  })
  const { ok, faults, kept, n, seed: taken, seconds, seen } = result
  for (const fault of faults) print.note(`fault: ${fault}`)
  if (kept !== undefined) print.note(`the data is kept in ${kept}`)
  const place = {
    commit: commit.replace('+', ''),
    dirty: commit.endsWith('+'),
    machine: thisMachine(parent),
  }
  const figures = { name, n, seed: taken, ...place, options: options.data, seconds, seen, faults }
  print.result(JSON.stringify({ ...figures, ...(kept === undefined ? {} : { kept }), ok }))
  return ok ? 0 : 1
}

export function listProofs(folder: string): string[] {
  return globSync('*.ts', { cwd: folder })
    .filter((file) => file !== 'run.ts' && !file.endsWith('.test.ts'))
    .map((file) => path.basename(file, '.ts'))
    .sort()
}

async function loadProof(folder: string, name: string): Promise<Proof> {
  // as: what stands in the folder of proofs is one; `describe` reads its options before anything is run.
  return (await import(pathToFileURL(path.join(folder, `${name}.ts`)).href)) as Proof
}

async function describe(folder: string, name: string): Promise<string> {
  const { options } = await loadProof(folder, name)
  const lines = Object.entries(options.shape).map(([key, schema]) => {
    const isDefault = schema instanceof z.ZodDefault
    const text = schema instanceof z.ZodType ? (schema.description ?? '') : ''
    return `    --${kebab(key)} ${isDefault ? JSON.stringify(schema.def.defaultValue) : ''}  ${text}`
  })
  return [`${name}: ${options.description ?? ''}`, ...lines].join('\n')
}

/** `--start-kills 3` is the option `startKills`. */
function optionsOf(words: readonly string[]): Record<string, unknown> | string {
  try {
    const options = Object.entries(readOptions(words))
    return Object.fromEntries(options.map(([key, value]) => [camel(key), value]))
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function camel(key: string): string {
  return key.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
