import type { z } from 'zod'

/** One line a component, as the folders' tables have it: its schema is loaded only where the configuration names it. */
export type ComponentTable = Readonly<Record<string, () => Promise<{ readonly schema: z.ZodType }>>>

/** What may stand under `type:` in each place. */
export interface Components {
  readonly sources: ComponentTable
  readonly stores: ComponentTable
  readonly sinks: ComponentTable
  readonly processors: ComponentTable
}
