import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import type { Components } from '../../src/app/config/components.ts'
import { describeFault } from '../../src/app/config/fault.ts'
import { type ConfigSources, readConfig } from '../../src/app/config/load.ts'

/** Components with every sort of option, so that tests of configuration do not hang on those of the product. */
const components: Components = {
  sources: {
    broker: async () => ({
      schema: z.strictObject({
        url: z.string().min(1),
        password: z.string().min(1).meta({ secret: true }).optional(),
      }),
    }),
  },
  stores: {
    duckdb: async () => ({
      schema: z.strictObject({
        file: z.string().default('x.duckdb'),
        memoryLimitBytes: z.int().min(1).default(1e9),
        threads: z.int().min(1).default(2),
      }),
    }),
    server: async () => ({
      schema: z.strictObject({
        url: z.string().min(1),
        password: z.string().min(1).meta({ secret: true }).optional(),
        hosts: z.array(z.string()).default([]),
        retry: z.strictObject({ firstMs: z.number().default(100) }).prefault({}),
      }),
    }),
  },
  sinks: { file: async () => ({ schema: z.strictObject({ path: z.string() }) }) },
  processors: {
    filter: async () => ({
      schema: z.strictObject({ metric: z.string().default('*'), max: z.number().optional() }),
    }),
    scale: async () => ({ schema: z.strictObject({ factor: z.number() }) }),
  },
}

/** A folder of its own for the files of one test. */
function folder(t: TestContext): string {
  const made = mkdtempSync(path.join(tmpdir(), 'sluice-config-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

/** The YAML in a file of its own, and nothing else, but for what `more` says. */
export function sources(
  t: TestContext,
  yaml: string | undefined,
  more: Partial<ConfigSources> = {},
): ConfigSources {
  const base = { env: {}, sets: [], components, ...more }
  if (yaml === undefined) return base
  const file = path.join(folder(t), 'sluice.yaml')
  writeFileSync(file, yaml)
  return { ...base, file }
}

/** Every fault as a line, the folder cut off. */
export async function faults(
  t: TestContext,
  yaml: string | undefined,
  more: Partial<ConfigSources> = {},
): Promise<string[]> {
  const from = sources(t, yaml, more)
  const read = await readConfig(from)
  assert.equal(read.config === undefined, read.faults.length > 0)
  const prefix = from.file === undefined ? '' : `${path.dirname(from.file)}/`
  return read.faults.map((fault) => describeFault(fault).replaceAll(prefix, ''))
}
