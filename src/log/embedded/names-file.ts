import path from 'node:path'
import zlib from 'node:zlib'
import type { NewSeries } from '../../core/series.ts'
import type { Storage } from '../../lib/storage.ts'

/**
 * Names outlive the segments that introduced them, and a flipped bit in one of those: soon after their commit, and before
 * the next segment begins, they are appended here and synced. A start reads this file and then only the segments it does not cover.
 *
 *   0  u32  magic 'SLN1'
 *   4  u32  length of the JSON
 *   8  u32  CRC-32 of what follows
 *  12  u32  the log's salt
 *  16  JSON `[[id, device, metric, unit], …]`
 *
 * one such block after the other. A torn last block is overwritten by the next append.
 */
const blockMagic = 0x314e4c53
const blockHeaderBytes = 16
export const namesFileName = 'series.names'

export interface KnownNames {
  readonly names: readonly NewSeries[]
  /** End of the last whole block. */
  readonly end: number
  /** True if blocks before the last whole one cannot be read: then the file covers nothing for certain. */
  readonly isDamaged: boolean
  readonly salt: number | undefined
}

/** True if the names of everything before a checkpoint that carries `namesEnd` are known. */
export function covers(known: Pick<KnownNames, 'end' | 'isDamaged'>, namesEnd: number): boolean {
  return !known.isDamaged && namesEnd <= known.end
}

export function loadNames(storage: Storage, folder: string): KnownNames {
  if (!storage.list(folder).includes(namesFileName))
    return { names: [], end: 0, isDamaged: false, salt: undefined }
  const file = storage.open(path.join(folder, namesFileName), 'read')
  try {
    const bytes = Buffer.alloc(file.size())
    file.read(bytes, 0)
    return readBlocks(bytes)
  } finally {
    file.close()
  }
}

function readBlocks(bytes: Buffer): KnownNames {
  const names: NewSeries[] = []
  let end = 0
  let isDamaged = false
  let salt: number | undefined
  // Magic bytes cannot stand in JSON followed by a length below 16 MB, whose last byte is U+0000: what is found is a block.
  for (let at = 0; at >= 0; at = bytes.indexOf('SLN1', at + 1, 'latin1')) {
    const block = blockAt(bytes, at)
    if (!block) continue
    if (at !== end) isDamaged = true
    for (const [id, device, metric, unit] of block.rows) names.push({ id, device, metric, unit })
    salt = block.salt
    end = block.end
    at = end - 1
  }
  return { names, end, isDamaged, salt }
}

type Row = [id: number, device: string, metric: string, unit: string]

function blockAt(bytes: Buffer, at: number): { rows: Row[]; salt: number; end: number } | undefined {
  if (at + blockHeaderBytes > bytes.length || bytes.readUInt32LE(at) !== blockMagic) return undefined
  const end = at + blockHeaderBytes + bytes.readUInt32LE(at + 4)
  if (end > bytes.length || zlib.crc32(bytes.subarray(at + 12, end)) !== bytes.readUInt32LE(at + 8))
    return undefined
  // Our own writer's JSON, and its CRC has been checked.
  const rows = JSON.parse(bytes.toString('utf8', at + blockHeaderBytes, end)) as Row[]
  return { rows, salt: bytes.readUInt32LE(at + 12), end }
}

/** The names file of the log that is being written, and the names that wait to be in it. */
export class NamesFile {
  readonly #storage: Storage
  readonly #folder: string
  readonly #salt: number
  #end: number
  #unsaved: NewSeries[] = []
  #isFoundUnsaved = false

  constructor(storage: Storage, folder: string, salt: number, { end }: Pick<KnownNames, 'end'>) {
    this.#storage = storage
    this.#folder = folder
    this.#salt = salt
    this.#end = end
  }

  /** End of the last block. */
  get end(): number {
    return this.#end
  }

  /** True while names that older segments may hold alone are not in the file: then none of those may be removed. */
  get isFoundUnsaved(): boolean {
    return this.#isFoundUnsaved
  }

  /** A name that a start has found in segments and not in the file. */
  found(name: NewSeries): void {
    this.#unsaved.push(name)
    this.#isFoundUnsaved = true
  }

  /** A name of a commit just made durable. */
  add(name: NewSeries): void {
    this.#unsaved.push(name)
  }

  /** Appends what waits, durably. */
  save(): void {
    if (this.#unsaved.length === 0) return
    this.#end = appendNames(this.#storage, this.#folder, this.#unsaved, this.#salt, this.#end)
    this.#saved()
  }

  /** Replaces the file, which is damaged, by one with all names known. */
  rewrite(all: readonly NewSeries[]): void {
    this.#end = rewriteNames(this.#storage, this.#folder, all, this.#salt, this.#end)
    this.#saved()
  }

  #saved(): void {
    this.#unsaved = []
    this.#isFoundUnsaved = false
  }
}

/** Appends a block at `end` and syncs it; returns the new end. */
export function appendNames(
  storage: Storage,
  folder: string,
  names: readonly NewSeries[],
  salt: number,
  end: number,
): number {
  const isNew = !storage.list(folder).includes(namesFileName)
  const block = encodeBlock(names, salt, 0)
  writeBlock(storage, path.join(folder, namesFileName), isNew, block, end)
  // Every time: the first append may have failed between the file and its folder.
  storage.syncFolder(folder)
  return end + block.length
}

/**
 * Replaces a damaged file by one with these names; returns its end, which is not below `minEnd`, so that
 * it covers what the old file covered.
 */
export function rewriteNames(
  storage: Storage,
  folder: string,
  names: readonly NewSeries[],
  salt: number,
  minEnd: number,
): number {
  const block = encodeBlock(names, salt, minEnd)
  const draft = `${namesFileName}.new`
  if (storage.list(folder).includes(draft)) storage.remove(path.join(folder, draft))
  writeBlock(storage, path.join(folder, draft), true, block, 0)
  storage.rename(path.join(folder, draft), path.join(folder, namesFileName))
  storage.syncFolder(folder)
  return block.length
}

function writeBlock(storage: Storage, file: string, isNew: boolean, block: Uint8Array, at: number): void {
  const open = storage.open(file, isNew ? 'create' : 'write')
  try {
    open.write([block], at)
    open.sync()
  } finally {
    open.close()
  }
}

/** A block of at least `minBytes`, filled up with spaces. */
function encodeBlock(names: readonly NewSeries[], salt: number, minBytes: number): Uint8Array {
  const rows: Row[] = names.map(({ id, device, metric, unit }) => [id, device, metric, unit])
  const json = Buffer.from(JSON.stringify(rows))
  const length = Math.max(json.length, minBytes - blockHeaderBytes)
  const block = Buffer.alloc(blockHeaderBytes + length, ' ')
  json.copy(block, blockHeaderBytes)
  block.writeUInt32LE(blockMagic, 0)
  block.writeUInt32LE(length, 4)
  block.writeUInt32LE(salt, 12)
  block.writeUInt32LE(zlib.crc32(block.subarray(12)), 8)
  return block
}
