/** Files of the log, and those beside sinks and stores, with their bytes flipped, torn, swapped, taken away: all of it is found, and costs nothing else. */
import path from 'node:path'
import { z } from 'zod'
import { below, seededRandom } from '../support/random.ts'
import { byteDamages, copyDamages, type Damage, frameDamages, type Files } from './corruption/damages.ts'
import { checkLog } from './corruption/log-check.ts'
import {
  checkNoted,
  checkState,
  notedImage,
  sideDamage,
  type SideEnd,
  stateImages,
} from './corruption/side-files.ts'
import { checkStore, storeImages } from './corruption/store-files.ts'
import { type WrittenImage, writtenImages } from './corruption/written-image.ts'
import type { Outcome, Report } from './runner/proof.ts'

export const options = z
  .object({
    n: z.int().min(0).default(2_000).describe('corruptions of the log'),
    logs: z.int().positive().default(20).describe('logs that they are tried on, each of four kinds'),
    state: z.int().min(0).default(400).describe('corruptions of state.db and its journal'),
    notes: z.int().min(0).default(400).describe('corruptions of the position beside the file of a sink'),
    store: z.int().min(0).default(20).describe('corruptions of the file of a store and its log'),
    only: z.int().min(0).optional().describe('only this one of them, to look at a failure'),
  })
  .describe(
    'corruptions of everything on disk: all found, nothing lost but what was damaged, no start refused',
  )

/** Faults told before the rest is only counted. */
const maxFaults = 20

export async function run(
  { n, logs, state, notes, store, only }: z.output<typeof options>,
  report: Report,
): Promise<Outcome> {
  const ofLog = await corruptLogs({ n, logs, only }, report)
  const ofState = await corruptState(state, report)
  const ofNotes = await corruptNotes(notes, report)
  const ofStore = await corruptStore(store, report)
  return {
    n: n + state + notes + store,
    seen: { log: ofLog.seen, state: ofState.seen, notes: ofNotes.seen, store: ofStore.seen },
    faults: [...ofLog.faults, ...ofState.faults, ...ofNotes.faults, ...ofStore.faults],
  }
}

type Part = Pick<Outcome, 'seen' | 'faults'>

async function corruptLogs(
  { n, logs, only }: { n: number; logs: number; only: number | undefined },
  { seed, note, signal }: Report,
): Promise<Part> {
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
    const random = randomOf(seed, i)
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
  return { seen: { n, tried, lostRows, countedRows, ends, faulty, perSecond }, faults }
}

async function corruptState(n: number, { seed, folder, signal }: Report): Promise<Part> {
  const images = await stateImages(path.join(folder, 'state'))
  const tally = new Tally('state.db')
  for (let i = 0; i < n && !signal.aborted; i++) {
    const random = randomOf(seed, i)
    const image = images.images[i % images.images.length] ?? new Map()
    const { kind, files } = sideDamage(image, random)
    tally.take(i, kind, checkState(path.join(folder, 'state'), images, files))
  }
  return tally
}

async function corruptNotes(n: number, { seed, folder, signal }: Report): Promise<Part> {
  const image = await notedImage(path.join(folder, 'notes'))
  const tally = new Tally('position beside a file')
  for (let i = 0; i < n && !signal.aborted; i++) {
    const { kind, end } = await checkNoted(path.join(folder, 'notes'), image, randomOf(seed, i))
    tally.take(i, kind, end)
  }
  return tally
}

async function corruptStore(n: number, { seed, folder, signal, note }: Report): Promise<Part> {
  const tally = new Tally('store')
  if (n === 0) return tally
  const images = await storeImages(path.join(folder, 'store'))
  for (let i = 0; i < n && !signal.aborted; i++) {
    const { kind, files } = sideDamage(
      images.images[i % images.images.length] ?? new Map(),
      randomOf(seed, i),
    )
    tally.take(i, kind, await checkStore(path.join(folder, 'store'), images, files))
    if (i % 100 === 99) note(`store: ${i + 1} of ${n}`)
  }
  return tally
}

/** What became of the corruptions of one file. */
class Tally implements Part {
  readonly seen: Record<string, number> = { n: 0, found: 0, harmless: 0, faulty: 0 }
  readonly faults: string[] = []
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  take(i: number, kind: string, end: SideEnd): void {
    this.#count('n')
    if (typeof end === 'string') return this.#count(end)
    this.#count('faulty')
    if (this.faults.length < maxFaults) this.faults.push(`${this.#name} ${i}, ${kind}: ${end.fault}`)
  }

  #count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1
  }
}

function randomOf(seed: number, i: number): () => number {
  return seededRandom((seed ^ Math.imul(i + 1, 0x9e3779b1)) >>> 0)
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
