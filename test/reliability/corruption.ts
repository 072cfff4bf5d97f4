/** Files of the log, and those beside sinks and stores, with their bytes flipped, torn, swapped, taken away: all of it is found, and costs nothing else. */
import { z } from 'zod'
import { below, seededRandom } from '../support/random.ts'
import { byteDamages, copyDamages, type Damage, frameDamages, type Files } from './corruption/damages.ts'
import { checkLog } from './corruption/log-check.ts'
import { type WrittenImage, writtenImages } from './corruption/written-image.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    n: z.int().min(0).default(2_000).describe('corruptions of the log'),
    logs: z.int().positive().default(20).describe('logs that they are tried on, each of four kinds'),
    only: z.int().min(0).optional().describe('only this one of them, to look at a failure'),
  })
  .describe(
    'corruptions of everything on disk: all found, nothing lost but what was damaged, no start refused',
  )

/** Faults told before the rest is only counted. */
const maxFaults = 20

export async function run(
  { n, logs, only }: z.output<typeof options>,
  { seed, note, signal }: Report,
): Promise<Outcome> {
  const faults: string[] = []
  const tried: Record<string, number> = {}
  const ends = { whole: 0, torn: 0, short: 0 }
  let [lostRows, countedRows, faulty] = [0, 0, 0]
  let images: WrittenImage[] = []
  const start = performance.now()
  for (let i = 0; i < n && !signal.aborted; i++) {
    if (images.length === 0 || i % Math.ceil(n / logs) === 0) {
      images = await writtenImages(seed + i)
      note(`${i} of ${n}, ${faulty} with faults`)
    }
    if (only !== undefined && i !== only) continue
    const random = seededRandom((seed ^ Math.imul(i + 1, 0x9e3779b1)) >>> 0)
    const image = images[below(random, images.length)] as WrittenImage
    const { kinds, files } = corrupted(image, random)
    for (const kind of kinds) tried[kind] = (tried[kind] ?? 0) + 1
    const said = await checkLog(image, files, random, i % 8 === 0).catch((error: unknown) => ({
      faults: [
        `it does not start, or cannot be read: ${error instanceof Error ? error.stack : String(error)}`,
      ],
      ...{ lostRows: 0, countedRows: 0, end: 'whole' as const },
    }))
    lostRows += said.lostRows
    countedRows += said.countedRows
    ends[said.end]++
    if (said.faults.length === 0) continue
    faulty++
    if (faults.length < maxFaults)
      faults.push(`${i}, ${image.name}, ${kinds.join(' and ')}: ${said.faults.join('; ')}`)
  }
  const perSecond = Math.round(n / ((performance.now() - start) / 1_000))
  return { n, seen: { tried, lostRows, countedRows, ends, faulty, perSecond }, faults }
}

const alone = Object.entries(copyDamages)
const mixed = [...Object.entries(byteDamages), ...Object.entries(frameDamages)]

/** One damage, or up to three. */
function corrupted(image: WrittenImage, random: () => number): { kinds: string[]; files: Files } {
  const files: Files = new Map(image.files)
  const some: (readonly [string, Damage])[] = []
  if (random() < 0.1) some.push(alone[below(random, alone.length)] as [string, Damage])
  else {
    const count = random() < 0.6 ? 1 : 1 + below(random, 3)
    for (let i = 0; i < count; i++) some.push(mixed[below(random, mixed.length)] as [string, Damage])
  }
  for (const [, damage] of some)
    damage(
      files,
      random,
      image.commits.filter(({ file }) => files.has(file)),
    )
  return { kinds: some.map(([kind]) => kind), files }
}
