import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { openFileSink } from '../../../src/sinks/file/file-sink.ts'
import { poisonReadings } from './poison.ts'
import type { KeptRow, SinkPlace, SinkUnderTest } from './subject.ts'

/** Smaller than may be configured: nearly every write begins with a rotation, which is then cut at each of its steps too. */
const [maxBytes, keep, deleted] = [300, 2, 'deleted.ndjson']
const options = { path: 'out.ndjson', maxBytes, keep }
const handle = await fs.open(import.meta.filename)
const handles = Object.getPrototypeOf(handle) as object // as: of a class that node does not export
await handle.close()

/** Lines of a file that is deleted on purpose: the oldest, to make room for one more. They count as kept; those of any other are lost. */
const { rm } = fs
fs.rm = async (target, options) => {
  const file = String(target)
  const live = file.slice(0, -path.extname(file).length)
  const numbers = Array.from({ length: keep }, (_, i) => i + 1)
  const isOldest = file === `${live}.${keep}` && existsSync(live) && readFileSync(live).length >= maxBytes
  if (isOldest && numbers.every((n) => existsSync(`${live}.${n}`)))
    appendFileSync(path.join(path.dirname(file), deleted), readFileSync(file))
  await rm(target, options)
}
syncBuiltinESMExports()

/** The sink that appends lines to a file, with files so small that they are rotated, and the oldest deleted, again and again. */
export const file: SinkUnderTest = {
  name: 'file',
  has: { isTransactional: false, keeps: 'all', numbers: true, logs: 'last', edits: false },
  batch: (log, rows) => log.readings(rows),
  place: async (_t, folder) => placeIn(folder),
  wire: {
    methods: [
      ...['open', 'rename', 'rm', 'readdir'].map((name) => [fs, name, 'async'] as const),
      ...['write', 'writeFile', 'datasync', 'sync', 'truncate'].map(
        (name) => [handles, name, 'async'] as const,
      ),
    ],
    failure: () => Object.assign(new Error('EIO: the call was cut off'), { code: 'EIO' }),
    discard: (made) => (isHandle(made) ? made.close() : undefined),
    changed: syncBuiltinESMExports,
  },
  poison: poisonReadings,
}

const isHandle = (made: unknown): made is fs.FileHandle =>
  typeof made === 'object' && made !== null && Object.getPrototypeOf(made) === handles

function placeIn(folder: string): SinkPlace {
  const note = path.join(folder, 'out.ndjson.position.json')
  const rows = () =>
    linesIn(folder).map((line) => {
      const { seq, device, metric, time, value, quality, extra } = JSON.parse(line) as Line
      const kept: KeptRow = {
        device,
        metric,
        time: Math.round(time * 1000),
        value,
        quality,
        extra: extra === undefined ? '' : JSON.stringify(extra),
        number: seq,
      }
      return kept
    })
  return {
    folder,
    async open() {
      const sink = await openFileSink('out', options, folder)
      return { sink, close: () => sink.close() }
    },
    rows: async () => rows(),
    glance: async () => ({
      rows: linesIn(folder).length,
      next: BigInt((JSON.parse(readFileSync(note, 'utf8')) as { next: string }).next),
    }),
    async breakSchema() {
      const whole = readFileSync(note)
      writeFileSync(note, '{"version":1}')
      return async () => writeFileSync(note, whole)
    },
  }
}

interface Line {
  readonly seq: number
  readonly device: string
  readonly metric: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
  readonly extra?: object
}

/** Whole lines of all the files, oldest first, those deleted on purpose among them. */
function linesIn(folder: string): string[] {
  const age = (name: string) => Number(name.split('.')[2] ?? 0)
  const linesOf = (name: string) => readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1)
  const kept = readdirSync(folder)
    .filter((name) => /^out\.ndjson(\.\d+)?$/.test(name))
    .sort((a, b) => age(b) - age(a))
    .flatMap(linesOf)
  if (!existsSync(path.join(folder, deleted))) return kept
  // One that was to be deleted, and was not for a kill, or not yet, is there twice.
  const still = new Set(kept)
  return [...new Set(linesOf(deleted)).difference(still), ...kept]
}
