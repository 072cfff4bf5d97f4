import { below } from '../../support/random.ts'
import type { Image } from './image-storage.ts'

/** One way in which files go wrong; it gives the files afterwards. `frames` are places worth swapping: whole commits. */
export type Damage = (files: Files, random: () => number, frames: readonly Frame[]) => void
export type Files = Map<string, Buffer>

export interface Frame {
  readonly file: string
  readonly offset: number
  readonly length: number
}

const sectorBytes = 512

/** Files as they are after one damage of a kind; the image is not changed. */
export function damaged(image: Image, damage: Damage, random: () => number, frames: readonly Frame[]): Files {
  const files = new Map(image)
  damage(files, random, frames)
  return files
}

/** What happens to bytes, whatever they mean. */
export const byteDamages: Readonly<Record<string, Damage>> = {
  flip: (files, random) => edit(files, random, (bytes) => flip(bytes, random)),
  flips: (files, random) =>
    edit(files, random, (bytes) => {
      for (let i = below(random, 8); i >= 0; i--) flip(bytes, random)
    }),
  garbage: (files, random) =>
    edit(files, random, (bytes) => {
      const from = below(random, bytes.length)
      for (let i = from; i < Math.min(bytes.length, from + 1 + below(random, 64)); i++)
        bytes[i] = below(random, 256)
    }),
  'zeroed sector': (files, random) => edit(files, random, (bytes) => sector(bytes, random).fill(0)),
  'sector of ones': (files, random) => edit(files, random, (bytes) => sector(bytes, random).fill(0xff)),
  truncated: (files, random) => {
    const name = any(files, random)
    files.set(name, contentOf(files, name).subarray(0, below(random, contentOf(files, name).length)))
  },
  emptied: (files, random) => files.set(any(files, random), Buffer.alloc(0)),
  removed: (files, random) => files.delete(any(files, random)),
  'garbage appended': (files, random) =>
    append(files, random, (length) => Buffer.from(Array.from({ length }, () => below(random, 256)))),
  'zeros appended': (files, random) => append(files, random, (length) => Buffer.alloc(length)),
  'its own begin appended': (files, random) =>
    append(files, random, (length, bytes) => Buffer.from(bytes.subarray(0, length))),
  'sectors swapped': (files, random) => {
    const [a, b] = [any(files, random), any(files, random)]
    const [from, to] = [copyOf(files, a), a === b ? contentOf(files, a) : copyOf(files, b)]
    const [one, other] = [sector(from, random), sector(to, random)]
    swap(one, other)
  },
  'an older sector': (files, random) => {
    const [a, b] = [any(files, random), any(files, random)]
    const source = Buffer.from(sector(contentOf(files, a), random))
    const target = copyOf(files, b)
    source.copy(sector(target, random))
  },
}

/** What happens to whole commits and segments. */
export const frameDamages: Readonly<Record<string, Damage>> = {
  'commits swapped': (files, random, frames) => {
    const [one, other] = alike(frames, random)
    if (!one || !other) return
    copyOf(files, one.file)
    if (other.file !== one.file) copyOf(files, other.file)
    swap(bytesOf(files, one), bytesOf(files, other))
  },
  'a commit over another': (files, random, frames) => {
    const [one, other] = alike(frames, random)
    if (!one || !other) return
    const source = Buffer.from(bytesOf(files, one))
    copyOf(files, other.file)
    source.copy(bytesOf(files, other))
  },
  'cut behind a commit': (files, random, frames) => {
    const { file, offset, length } = frames[below(random, frames.length)] as Frame
    files.set(file, contentOf(files, file).subarray(0, offset + length))
  },
}

/** Files that stand there twice: whoever did that did nothing else. */
export const copyDamages: Readonly<Record<string, Damage>> = {
  'a segment copied beside itself': (files, random) => {
    const segments = [...files.keys()].filter((name) => name.endsWith('.seg'))
    const name = segments[below(random, segments.length)] as string
    files.set(
      name.replace(/-(\d+)\.seg$/, (_, attempt) => `-${Number(attempt) + 1}.seg`),
      contentOf(files, name),
    )
  },
  'a file copied under a name of no meaning': (files, random) => {
    const name = any(files, random)
    files.set(`${name}.bak`, contentOf(files, name))
  },
}

function edit(files: Files, random: () => number, change: (bytes: Buffer) => void): void {
  change(copyOf(files, any(files, random)))
}

/** A file that holds something, large ones rather than small ones. */
function any(files: Files, random: () => number): string {
  const names = [...files.keys()].filter((name) => contentOf(files, name).length > 0)
  let left = below(
    random,
    names.reduce((sum, name) => sum + contentOf(files, name).length, 0),
  )
  for (const name of names) {
    left -= contentOf(files, name).length
    if (left < 0) return name
  }
  throw new Error('every file is empty')
}

function contentOf(files: Files, name: string): Buffer {
  const bytes = files.get(name)
  if (!bytes) throw new Error(`there is no ${name}`)
  return bytes
}

function copyOf(files: Files, name: string): Buffer {
  const bytes = Buffer.from(contentOf(files, name))
  files.set(name, bytes)
  return bytes
}

function bytesOf(files: Files, { file, offset, length }: Frame): Buffer {
  return contentOf(files, file).subarray(offset, offset + length)
}

function flip(bytes: Buffer, random: () => number): void {
  const at = below(random, bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << below(random, 8))
}

function sector(bytes: Buffer, random: () => number): Buffer {
  const at = below(random, Math.ceil(bytes.length / sectorBytes)) * sectorBytes
  return bytes.subarray(at, at + sectorBytes)
}

function swap(one: Buffer, other: Buffer): void {
  const length = Math.min(one.length, other.length)
  const kept = Buffer.from(one.subarray(0, length))
  other.copy(one, 0, 0, length)
  kept.copy(other)
}

function append(files: Files, random: () => number, make: (length: number, bytes: Buffer) => Buffer): void {
  const name = any(files, random)
  const bytes = contentOf(files, name)
  files.set(name, Buffer.concat([bytes, make(1 + below(random, 600), bytes)]))
}

/** Two commits of one length. */
function alike(frames: readonly Frame[], random: () => number): [Frame | undefined, Frame | undefined] {
  const one = frames[below(random, frames.length)]
  const others = frames.filter((frame) => frame !== one && frame.length === one?.length)
  return [one, others[below(random, others.length)]]
}
