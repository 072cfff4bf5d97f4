import type { z } from 'zod'
import { SluiceError } from '../core/errors.ts'
import type { Sink } from '../core/sink.ts'
import type { Store, StoreCopy } from '../core/store.ts'

/** A store that is open: what can be asked, and a sink per stream, each with a position and books of its own. */
export interface OpenStore {
  readonly store: Store
  sink(stream: string): Sink
  /** For rows of a stream that come again, beside those that come live; with a position and books for each replay. */
  replaySink(replay: string, stream: string): Sink
  /** For copies to and from other stores; undefined where its type knows none. */
  readonly copy: StoreCopy | undefined
  /** Resolves when the engine can do nothing more until it is opened anew. */
  readonly broken: Promise<Error>
}

/** Where an embedded store keeps its file. */
export interface StorePlace {
  readonly name: string
  readonly dataFolder: string
}

/** A store component: the schema of its options, and what opens it with the schema's output. */
export interface StoreComponent {
  readonly schema: z.ZodType
  /** `warn` is told of what had to be mended to open it. */
  open(options: unknown, place: StorePlace, warn: (message: string) => void): Promise<OpenStore>
}

/** Every store there is: one line each. */
export const storeTable: Readonly<Record<string, () => Promise<StoreComponent>>> = {
  duckdb: () => import('./duckdb/component.ts').then((m) => m.duckdb),
}

/** Opens a store with options that configuration has checked. */
export async function openStore(
  type: string,
  options: unknown,
  place: StorePlace,
  warn: (message: string) => void = () => undefined,
): Promise<OpenStore> {
  const load = storeTable[type]
  if (!load) throw new SluiceError('config-invalid', `there is no store of type ${type}`)
  const component = await load()
  return component.open(component.schema.parse(options), place, warn)
}
