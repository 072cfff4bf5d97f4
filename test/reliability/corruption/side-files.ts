import fs from 'node:fs'
import path from 'node:path'
import type { Documents } from '../../../src/core/batch.ts'
import type { Position } from '../../../src/core/position.ts'
import { SinkFailure } from '../../../src/core/sink.ts'
import { bytesAt, textAt, textColumn } from '../../../src/core/text-column.ts'
import { fileSinkSchema, openFileSink } from '../../../src/sinks/file/file-sink.ts'
import { isDamaged, StateFile } from '../../../src/sinks/state/state-file.ts'
import { below } from '../../support/random.ts'
import { byteDamages, type Files } from './damages.ts'
import type { Image } from './image-storage.ts'

/** What became of files: found to be damaged, as they were written (at some time), or neither, in words. */
export type SideEnd = 'found' | 'harmless' | { readonly fault: string }

const log = '00000000-0000-4000-8000-000000000000'
const never = new AbortController().signal
const at = (next: number): Position => ({ log, partition: 0, next: BigInt(next) })
const terms = { handed: 1, filtered: 0, deadLettered: 0, expired: 0, damaged: 0 }

export function readFolder(folder: string): Image {
  const names = fs.readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile())
  return new Map(names.map(({ name }) => [name, fs.readFileSync(path.join(folder, name))]))
}

export function writeFolder(folder: string, files: Files): void {
  fs.rmSync(folder, { recursive: true, force: true })
  fs.mkdirSync(folder, { recursive: true })
  for (const [name, bytes] of files) fs.writeFileSync(path.join(folder, name), bytes)
}

/** One damage to files whose name fits; the kind of it and the files afterwards. */
export function sideDamage(image: Image, random: () => number): { kind: string; files: Files } {
  const kinds = Object.entries(byteDamages)
  const [kind, damage] = kinds[below(random, kinds.length)] as (typeof kinds)[number]
  const files = new Map(image)
  damage(files, random, [])
  return { kind, files }
}

/** `state.db` as it lies there after a close and after a kill, with its journal, and what it held after every write. */
export interface StateImages {
  readonly images: readonly Image[]
  readonly held: ReadonlySet<string>
}

export async function stateImages(folder: string): Promise<StateImages> {
  writeFolder(folder, new Map())
  const file = path.join(folder, 'state.db')
  const state = new StateFile('state', file)
  const sink = state.sink('state')
  const held = new Set([holdingOf(state)])
  for (let i = 0; i < 40; i++) {
    const change: Documents = {
      kind: 'documents',
      ...{ stream: 'state', length: 1, base: BigInt(i), row: undefined, time: new Float64Array(1) },
      key: textColumn([`key ${i % 25}`]),
      body: textColumn([i % 7 === 6 ? '' : `value ${i} `.repeat(1 + (i % 9))]),
    }
    await sink.write({ batch: change, from: at(i), to: at(i + 1), terms }, never)
    held.add(holdingOf(state))
  }
  const killed = new Map([...readFolder(folder)].filter(([name]) => !name.endsWith('-shm')))
  state.close()
  return { images: [readFolder(folder), killed], held }
}

/** Opens damaged files as a start does. */
export function checkState(folder: string, { held }: StateImages, files: Files): SideEnd {
  writeFolder(folder, files)
  try {
    const state = new StateFile('state', path.join(folder, 'state.db'))
    const holding = holdingOf(state)
    state.close()
    return held.has(holding) ? 'harmless' : { fault: `it holds ${holding}` }
  } catch (error) {
    return isDamaged(error) ? 'found' : { fault: `the start is refused: ${String(error)}` }
  }
}

function holdingOf(state: StateFile): string {
  const values: string[] = []
  for (const { keys, values: bodies } of state.values('state'))
    for (let i = 0; i < keys.offsets.length - 1; i++)
      values.push(`${textAt(keys, i)}=${Buffer.from(bytesAt(bodies, i)).toString('latin1')}`)
  return `${state.position('state', log, 0)?.position.next ?? 'nothing'}: ${values.join(', ')}`
}

/** The note beside the file of a sink, and the file. */
export async function notedImage(folder: string): Promise<Image> {
  writeFolder(folder, new Map())
  const sink = await openFileSink('out', fileSinkSchema.parse({ path: 'out.ndjson' }), folder)
  const body: Documents = {
    kind: 'documents',
    ...{ stream: 'posts', length: 1, base: 0n, row: undefined, time: new Float64Array(1) },
    key: textColumn(['a']),
    body: textColumn(['b']),
  }
  await sink.write({ batch: body, from: at(0), to: at(123_456), terms }, never)
  await sink.close()
  return readFolder(folder)
}

const note = 'out.ndjson.position.json'

/** Damages the note only: what the lines say is for their readers. */
export async function checkNoted(
  folder: string,
  image: Image,
  random: () => number,
): Promise<{ kind: string; end: SideEnd }> {
  const { kind, files } = sideDamage(new Map([[note, image.get(note) ?? Buffer.alloc(0)]]), random)
  writeFolder(folder, new Map([...[...image].filter(([name]) => name !== note), ...files]))
  try {
    const sink = await openFileSink('out', fileSinkSchema.parse({ path: 'out.ndjson' }), folder)
    const state = await sink.state(log, 0)
    await sink.close()
    const next = state?.position.next
    return { kind, end: next === 123_456n ? 'harmless' : { fault: `it stands at ${next ?? 'nothing'}` } }
  } catch (error) {
    const isTold = error instanceof SinkFailure && error.kind === 'stop'
    return { kind, end: isTold ? 'found' : { fault: `it says ${String(error)}` } }
  }
}
