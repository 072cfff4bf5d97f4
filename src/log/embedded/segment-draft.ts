import type { Storage, StorageFile } from '../../lib/storage.ts'
import { chunksOf } from './chunks.ts'
import { type EncodedGroup, maskOf, placeGroup } from './group.ts'
import { encodeSegmentHeader, type Segment, type SegmentHeader, segmentHeaderBytes } from './segment.ts'

/** What the name of a draft ends with; the file under it counts for nothing, and may be removed. */
export const draftSuffix = '.new'

/** A segment written anew beside the one that counts, which it replaces as a whole. */
export class SegmentDraft {
  readonly #storage: Storage
  readonly #folder: string
  readonly #segment: Segment
  readonly #file: StorageFile
  #at = segmentHeaderBytes

  constructor(storage: Storage, folder: string, segment: Segment) {
    this.#storage = storage
    this.#folder = folder
    this.#segment = segment
    this.#file = storage.open(segment.file + draftSuffix, 'create')
  }

  get isEmpty(): boolean {
    return this.#at === segmentHeaderBytes
  }

  append(group: EncodedGroup): void {
    placeGroup(group, this.#at)
    this.#write(group.parts)
  }

  /** Appends a whole group that stood at `offset` of the segment. */
  move(group: Uint8Array, offset: number): void {
    const moved = Buffer.from(group)
    const mask = moved.readUInt16LE(12) > 1 ? maskOf(offset) ^ maskOf(this.#at) : 0
    moved.writeUInt32LE((moved.readUInt32LE(8) ^ mask) >>> 0, 8)
    this.#write([moved])
  }

  /** Appends a part of a file as it is. */
  copy(file: string, offset: number, length: number): void {
    const from = this.#storage.open(file, 'read')
    try {
      for (const { bytes } of chunksOf(from, offset, length)) this.#write([bytes])
    } finally {
      from.close()
    }
  }

  /** Takes the place of the segment, durably. */
  replace(header: SegmentHeader): void {
    this.#file.write([encodeSegmentHeader(header)], 0)
    this.#file.sync()
    this.#file.close()
    this.#storage.rename(this.#segment.file + draftSuffix, this.#segment.file)
    this.#storage.syncFolder(this.#folder)
  }

  /** Removes the segment, and the draft with it. */
  drop(): void {
    this.#file.close()
    this.#storage.remove(this.#segment.file)
    this.#storage.remove(this.#segment.file + draftSuffix)
    this.#storage.syncFolder(this.#folder)
  }

  close(): void {
    this.#file.close()
  }

  #write(parts: readonly Uint8Array[]): void {
    this.#file.write(parts, this.#at)
    for (const { length } of parts) this.#at += length
  }
}
