import path from 'node:path'
import { z } from 'zod'
import type { Sink } from '../../core/sink.ts'
import { type Clock, systemClock } from '../../lib/clock.ts'
import { DuckdbStore } from './store.ts'

/** Settings of the embedded store. Its file is `<name>.duckdb` in the data folder. */
export const duckdbSchema = z.strictObject({
  memoryLimitMb: z
    .int()
    .min(64)
    .default(200)
    .describe('What the engine may hold in memory; its process takes about 150 MB more.'),
  threads: z.int().min(1).default(2).describe('Threads of the engine.'),
})

export type DuckdbConfig = z.output<typeof duckdbSchema>

/** Opens the store, creating the file if there is none. */
export function createDuckdbStore(
  options: DuckdbConfig & { readonly file: string; readonly clock: Clock },
): Promise<DuckdbStore> {
  return DuckdbStore.open(options)
}

/** Entry of the table of stores. */
export const duckdb = {
  schema: duckdbSchema,
  async open(
    options: unknown,
    place: { readonly name: string; readonly dataFolder: string },
  ): Promise<{ store: DuckdbStore; sink(stream: string): Sink }> {
    const file = path.join(place.dataFolder, `${place.name}.duckdb`)
    const store = await createDuckdbStore({ ...duckdbSchema.parse(options), file, clock: systemClock })
    return { store, sink: (stream) => store.sink(stream) }
  },
}
