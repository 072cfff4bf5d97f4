import path from 'node:path'
import zlib from 'node:zlib'
import type { NewSeries } from '../../core/series.ts'
import type { Storage } from '../../lib/storage.ts'

/**
 * Names outlive the segments that introduced them: whenever a segment is closed, the names it brought are appended here
 * and synced, before any segment may be removed. A start reads this file and then only segments it does not cover.
 *
 * Blocks, one after the other: u32 length of the JSON · u32 CRC-32 of what follows · f64 covers (names of commits below this number
 * are here) · JSON `[[id, device, metric, unit], …]`. A torn last block is overwritten by the next append.
 */
const blockHeaderBytes = 16

export interface KnownNames {
  readonly names: NewSeries[]
  /** Names of commits below this number are in the file. */
  readonly covers: number
  /** End of the last whole block. */
  readonly end: number
}

const fileIn = (folder: string) => path.join(folder, 'series.dict')

export function loadNames(storage: Storage, folder: string): KnownNames {
  const names: NewSeries[] = []
  let covers = 0
  let end = 0
  if (!storage.list(folder).includes('series.dict')) return { names, covers, end }
  const file = storage.open(fileIn(folder), 'read')
  try {
    const bytes = new Uint8Array(file.size())
    file.read(bytes, 0)
    const view = new DataView(bytes.buffer)
    while (end + blockHeaderBytes <= bytes.length) {
      const length = view.getUint32(end, true)
      const block = bytes.subarray(end + 8, end + blockHeaderBytes + length)
      if (block.length !== length + 8 || zlib.crc32(block) !== view.getUint32(end + 4, true)) break
      covers = view.getFloat64(end + 8, true)
      // Our own writer's JSON, and its CRC has been checked.
      const rows = JSON.parse(new TextDecoder().decode(block.subarray(8))) as [
        number,
        string,
        string,
        string,
      ][]
      for (const [id, device, metric, unit] of rows) names.push({ id, device, metric, unit })
      end += blockHeaderBytes + length
    }
    return { names, covers, end }
  } finally {
    file.close()
  }
}

/** Appends a block at `end` and syncs it; returns the new end. */
export function appendNames(
  storage: Storage,
  folder: string,
  names: readonly NewSeries[],
  covers: number,
  end: number,
): number {
  const isNew = !storage.list(folder).includes('series.dict')
  const file = storage.open(fileIn(folder), isNew ? 'create' : 'write')
  try {
    const json = new TextEncoder().encode(
      JSON.stringify(names.map((n) => [n.id, n.device, n.metric, n.unit])),
    )
    const block = new Uint8Array(blockHeaderBytes + json.length)
    const view = new DataView(block.buffer)
    block.set(json, blockHeaderBytes)
    view.setUint32(0, json.length, true)
    view.setFloat64(8, covers, true)
    view.setUint32(4, zlib.crc32(block.subarray(8)), true)
    file.write([block], end)
    file.sync()
    if (isNew) storage.syncFolder(folder)
    return end + block.length
  } finally {
    file.close()
  }
}
