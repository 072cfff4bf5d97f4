import type { z } from 'zod'
import type { Processor } from '../core/processor.ts'

/** A processor as config names it. */
export interface ProcessorConfig {
  readonly type: string
  readonly options: unknown
}

interface Entry {
  readonly schema: z.ZodType
  create(options: unknown): Processor
}

/** Binds a schema to the function that takes its output; the schema checks before `create` runs. */
function entry<S extends z.ZodType>(schema: S, create: (options: z.output<S>) => Processor): Entry {
  return { schema, create: (options) => create(schema.parse(options)) }
}

/** Every processor there is: one line each. */
export const processorTable: Readonly<Record<string, () => Promise<Entry>>> = {
  filter: () => import('./filter.ts').then((m) => entry(m.filterSchema, m.createFilter)),
  scale: () => import('./scale.ts').then((m) => entry(m.scaleSchema, m.createScale)),
  rename: () => import('./rename.ts').then((m) => entry(m.renameSchema, m.createRename)),
  dedupe: () => import('./dedupe.ts').then((m) => entry(m.dedupeSchema, m.createDedupe)),
}

export async function createProcessors(configs: readonly ProcessorConfig[]): Promise<Processor[]> {
  const processors: Processor[] = []
  for (const { type, options } of configs) {
    const load = processorTable[type]
    if (!load) throw new Error(`there is no processor named ${type}`)
    processors.push((await load()).create(options))
  }
  return processors
}
