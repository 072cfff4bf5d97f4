import path from 'node:path'
import type { Storage, StorageFile } from '../../lib/storage.ts'
import { type EncodedGroup, placeGroup } from './group.ts'
import type { LastSegment } from './recovery.ts'
import {
  encodeSegmentHeader,
  type Segment,
  type SegmentHeader,
  segmentFile,
  segmentHeaderBytes,
} from './segment.ts'

interface Kept {
  readonly segment: Segment
  bytes: number
  /** Age of the log when the segment was last written to. */
  ageSeconds: number
}

/** The segments of a log on disk, in order. The last one is written to. */
export class SegmentChain {
  readonly #storage: Storage
  readonly #folder: string
  readonly #kept: Kept[] = []
  #file: StorageFile | undefined
  #at = 0
  /** False once a sync of the present file has failed: the kernel may hold its pages for clean, so no later sync would prove anything. */
  #isSyncable = true
  /** Names that a failed creation may have left behind. */
  #taken = 0

  constructor(storage: Storage, folder: string) {
    this.#storage = storage
    this.#folder = folder
  }

  get last(): Segment {
    return this.#lastKept().segment
  }

  /** End of what counts in the last segment. */
  get at(): number {
    return this.#at
  }

  get bytes(): number {
    return this.#kept.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get length(): number {
    return this.#kept.length
  }

  /** First number held. */
  get first(): number {
    return this.#kept[0]?.segment.first ?? 0
  }

  /**
   * True if a segment whose creation failed may come back after a power loss. What is written to the last one then would be void:
   * the next segment must be created first, at the same number.
   */
  get hasTraces(): boolean {
    return this.#taken > 0
  }

  /** Adds a segment found at the start. */
  found(segment: Segment, ageSeconds: number): void {
    const file = this.#storage.open(segment.file, 'read')
    try {
      this.#kept.push({ segment, bytes: file.size(), ageSeconds })
    } finally {
      file.close()
    }
  }

  /**
   * Goes on with the last segment, of which the bytes below `end` count. Those from `proven` on are written again and synced, for
   * readers are about to be given them: whoever wrote them may have died before its sync, or after one that failed, and
   * then the kernel takes their pages for clean.
   */
  continue({ proven, end }: LastSegment): void {
    const file = this.#storage.open(this.last.file, 'write')
    this.#file = file
    this.#at = end
    this.#lastKept().bytes = end
    if (file.size() > end) file.truncate(end)
    const tail = new Uint8Array(end - proven)
    file.read(tail, proven)
    file.write([tail], proven)
    file.sync()
  }

  /** The last segment counts below `end`, and nothing can be written before the next one is created. */
  readTo(end: number): void {
    this.#at = end
  }

  /** Begins a segment, durably. If that fails the present one stays. */
  create(header: SegmentHeader, checkpoint: EncodedGroup, ageSeconds: number): void {
    const last = this.#kept.at(-1)?.segment
    const attempt = (last?.first === header.first ? last.attempt + 1 : 0) + this.#taken
    const segment = segmentFile(this.#folder, header.first, attempt)
    const file = this.#begin(segment, header, checkpoint)
    this.#closeFile()
    this.#file = file
    this.#isSyncable = true
    this.#taken = 0
    this.#at = segmentHeaderBytes + checkpoint.length
    this.#kept.push({ segment, bytes: this.#at, ageSeconds })
  }

  /** Writes and syncs behind what counts. If that fails, what counts is as before. */
  append(groups: readonly EncodedGroup[], ageSeconds: number): void {
    const file = this.#open()
    const parts: Uint8Array[] = []
    let length = 0
    for (const group of groups) {
      placeGroup(group, this.#at + length)
      parts.push(...group.parts)
      length += group.length
    }
    file.write(parts, this.#at)
    this.#sync(file)
    this.#at += length
    const last = this.#lastKept()
    last.bytes = this.#at
    last.ageSeconds = ageSeconds
  }

  /** Cuts off what a failed `append` has left; true if it cannot come back whatever happens. */
  cut(): boolean {
    try {
      const file = this.#open()
      file.truncate(this.#at)
      if (!this.#isSyncable) return false
      this.#sync(file)
      return true
    } catch {
      return false
    }
  }

  /** The oldest segment, unless it is the last. `below`: all of its numbers are below this one. */
  oldest(): { readonly below: number; readonly ageSeconds: number } | undefined {
    const [oldest, following] = this.#kept
    return oldest && following && { below: following.segment.first, ageSeconds: oldest.ageSeconds }
  }

  removeOldest(): void {
    const oldest = this.#kept[0]
    if (!oldest || this.#kept.length < 2) return
    this.#storage.remove(oldest.segment.file)
    this.#kept.shift()
  }

  close(): void {
    this.#closeFile()
  }

  #begin(segment: Segment, header: SegmentHeader, checkpoint: EncodedGroup): StorageFile {
    let file: StorageFile | undefined
    placeGroup(checkpoint, segmentHeaderBytes)
    try {
      file = this.#storage.open(segment.file, 'create')
      file.write([encodeSegmentHeader(header), ...checkpoint.parts], 0)
      file.sync()
      this.#storage.syncFolder(this.#folder)
      return file
    } catch (error) {
      this.#taken++
      quietly(() => file?.close())
      if (!file && isOutOfFiles(error)) this.#taken--
      else if (this.#removeTraces(segment)) this.#taken--
      throw error
    }
  }

  /** True if a segment whose creation failed is gone for good. */
  #removeTraces(segment: Segment): boolean {
    return quietly(() => {
      const names = this.#storage.list(this.#folder)
      if (names.includes(path.basename(segment.file))) this.#storage.remove(segment.file)
      this.#storage.syncFolder(this.#folder)
    })
  }

  #sync(file: StorageFile): void {
    try {
      file.sync()
    } catch (error) {
      this.#isSyncable = false
      throw error
    }
  }

  #closeFile(): void {
    // Some file systems tell a failed write once more at close. It has been dealt with.
    quietly(() => this.#file?.close())
    this.#file = undefined
  }

  #open(): StorageFile {
    if (!this.#file) throw new Error('no segment has been begun')
    return this.#file
  }

  #lastKept(): Kept {
    return this.#kept.at(-1) as Kept
  }
}

/** For what may fail without harm; true if it worked. */
export function quietly(action: () => void): boolean {
  try {
    action()
    return true
  } catch {
    return false
  }
}

/** No descriptor left, so `open` has done nothing. Connections come and go: it passes. */
export function isOutOfFiles(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')
}
