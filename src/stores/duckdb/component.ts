import path from 'node:path'
import { z } from 'zod'
import type { Sink } from '../../core/sink.ts'
import type { StoreCopy } from '../../core/store.ts'
import { systemClock } from '../../lib/clock.ts'
import type { DuckdbOptions, DuckdbStore } from './store.ts'

/** Settings of the embedded store. Its file is `<name>.duckdb` in the data folder. */
export const duckdbSchema = z.strictObject({
  memoryLimitMb: z
    .int()
    .min(64)
    .default(128)
    .describe('What the engine may hold in memory; its process takes about 200 MB more.'),
  threads: z.int().min(1).default(2).describe('Threads of the engine.'),
  retention: z
    .strictObject({
      readings: z
        .array(z.strictObject({ devices: z.string().min(1), keepDays: z.number().positive() }))
        .default([])
        .describe('How long readings are kept: the first rule whose device pattern fits decides.'),
      documents: z
        .array(z.strictObject({ streams: z.string().min(1), keepDays: z.number().positive() }))
        .default([])
        .describe('How long documents are kept: the first rule whose stream pattern fits decides.'),
    })
    .prefault({})
    .describe('What no rule fits is kept for ever.'),
  chunkRows: z
    .int()
    .min(1_000)
    .default(12_000_000)
    .describe('Rows of a time chunk, the unit that is sorted and dropped.'),
})

export type DuckdbConfig = z.input<typeof duckdbSchema>

/** Opens the store, creating the file if there is none. */
export async function createDuckdbStore(
  options: DuckdbConfig & Pick<DuckdbOptions, 'file' | 'clock' | 'warn'>,
): Promise<DuckdbStore> {
  const { file, clock, warn, ...config } = options
  // The engine is loaded where a store is opened, not where its settings are read: it takes 20 MB and more.
  const { DuckdbStore } = await import('./store.ts')
  return DuckdbStore.open({ ...duckdbSchema.parse(config), file, clock, warn })
}

/** Entry of the table of stores. */
export const duckdb = {
  schema: duckdbSchema,
  async open(
    options: unknown,
    place: { readonly name: string; readonly dataFolder: string },
    warn: (message: string) => void,
  ): Promise<{
    store: DuckdbStore
    copy: StoreCopy
    sink(stream: string): Sink
    replaySink(replay: string, stream: string): Sink
    broken: Promise<Error>
  }> {
    const file = path.join(place.dataFolder, `${place.name}.duckdb`)
    const store = await createDuckdbStore({
      ...duckdbSchema.parse(options),
      ...{ file, clock: systemClock, warn },
    })
    return {
      store,
      copy: store,
      sink: (stream) => store.sink(stream),
      replaySink: (replay, stream) => store.replaySink(replay, stream),
      broken: store.broken,
    }
  },
}
