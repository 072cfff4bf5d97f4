/** Builds with a bug planted in them, each of which the suite's own finders must find. */
import { z } from 'zod'
import { bugs } from '../planted/bugs.ts'
import { look } from '../planted/finders.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    histories: z.int().positive().default(20_000).describe('that a finder lives through at most'),
    seeds: z.int().positive().default(3).describe('each bug is looked for from so many seeds on'),
    bug: z.string().default('').describe('only the one of that name'),
  })
  .describe('wrong builds, such as one that acknowledges before it syncs: each is found')

export async function run(
  { histories, seeds, bug: only }: z.output<typeof options>,
  { seed, note, signal }: Report,
): Promise<Outcome> {
  const planted = bugs.filter(({ name }) => only === '' || name === only)
  if (planted.length === 0) throw new Error(`there is no bug ${only}`)
  const took: Record<string, string[]> = {}
  const missed: string[] = []
  for (const bug of planted) {
    const searches = bug.onTheRealProgram === undefined ? [bug] : [bug, bug.onTheRealProgram]
    for (const search of searches) {
      const { by } = search.finder
      // The others draw no lots that decide whether they find it.
      const times = by === 'log' || by === 'simulation' ? seeds : 1
      for (let i = 0; i < times; i++) {
        signal.throwIfAborted()
        const { found, tried } = await look(search, bug, seed + i * histories, histories)
        const told = `${found ? 'found' : 'NOT FOUND'} in ${tried}`
        note(`${bug.name}: ${told}`)
        took[bug.name] = [...(took[bug.name] ?? []), told]
        if (!found) missed.push(`${bug.name} (${bug.breaks}) was not found in ${tried}`)
      }
    }
  }
  const missedNames = new Set(
    planted.filter(({ name }) => missed.some((each) => each.startsWith(`${name} `))),
  )
  const found = `${planted.length - missedNames.size} of ${planted.length}`
  return { n: planted.length, seen: { found, took }, faults: missed }
}
