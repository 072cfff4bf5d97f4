import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { fileSinkSchema, openFileSink } from '../../../src/sinks/file/file-sink.ts'
import { poisonReadings } from './poison.ts'
import type { KeptRow, SinkPlace, SinkUnderTest } from './subject.ts'

const options = fileSinkSchema.parse({ path: 'out.ndjson', maxBytes: 4096, keep: 100 })
const handle = await fs.open(import.meta.filename)
const handles = Object.getPrototypeOf(handle) as object // as: of a class that node does not export
await handle.close()

/** The sink that appends lines to a file, with files so small that they are rotated again and again. */
export const file: SinkUnderTest = {
  name: 'file',
  has: { isTransactional: false, keeps: 'all', numbers: true, logs: 'last', edits: false },
  batch: (log, rows) => log.readings(rows),
  place: async (_t, folder) => placeIn(folder),
  wire: {
    methods: [
      ...['open', 'rename', 'rm'].map((name) => [fs, name, 'async'] as const),
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

/** Whole lines of all the files, oldest first. */
function linesIn(folder: string): string[] {
  const age = (name: string) => Number(name.split('.')[2] ?? 0)
  return readdirSync(folder)
    .filter((name) => /^out\.ndjson(\.\d+)?$/.test(name))
    .sort((a, b) => age(b) - age(a))
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n').slice(0, -1))
}
