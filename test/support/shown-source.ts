import type { SluiceProcess } from './sluice-process.ts'

/** A source as /status shows it. */
export interface ShownSource {
  readonly name: string
  readonly state: string
  readonly connects: number
  readonly error?: string
  readonly accepted: number
  readonly deadLettered: number
  readonly acknowledged: number
  readonly redelivered: number
  readonly unacknowledged: number
}

/** The first one. */
export async function shownSource(sluice: SluiceProcess): Promise<ShownSource> {
  // as: the program's own answer; a missing member fails the reader.
  const { sources } = (await sluice.get('/status')) as { sources: readonly ShownSource[] }
  const [source] = sources
  if (source === undefined) throw new Error('there is no source')
  return source
}
