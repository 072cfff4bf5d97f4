/** Builds with a bug planted in them, each of which the suite's own finders must find. */
import { z } from 'zod'
import { type Bug, bugs } from '../planted/bugs.ts'
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
  const seedsOf = ({ finder }: Bug) =>
    // A test draws no lots that a seed would decide.
    Array.from({ length: finder.by === 'test' ? 1 : seeds }, (_, i) => seed + i * histories)
  for (const bug of planted) {
    for (const from of seedsOf(bug)) {
      signal.throwIfAborted()
      const { found, tried } = await look(bug.finder, bug, from, histories)
      const told = `${found ? 'found' : 'NOT FOUND'} in ${tried}`
      note(`${bug.name}: ${told}`)
      took[bug.name] = [...(took[bug.name] ?? []), told]
      if (!found) missed.push(`${bug.name} (${bug.breaks}) was not found in ${tried}`)
    }
  }
  const missedNames = new Set(
    planted.filter(({ name }) => missed.some((each) => each.startsWith(`${name} `))),
  )
  const found = `${planted.length - missedNames.size} of ${planted.length}`
  return { n: planted.length, seen: { found, took }, faults: missed }
}
