import type { StorageFile } from '../../lib/storage.ts'
import { groupHeaderBytes } from './group.ts'
import { type Group, groupLength, readGroup } from './group-reader.ts'
import { segmentHeaderBytes } from './segment.ts'

/** What lies at one place of a segment. */
export type Found =
  | {
      readonly kind: 'group'
      readonly group: Group
      readonly offset: number
      readonly bytes: Uint8Array
      readonly view: DataView
    }
  | { readonly kind: 'damage'; readonly offset: number; readonly length: number }

/** Bytes read at once. A simulation, which opens small logs a million times, makes it less. */
export const scanning = { windowBytes: 1 << 20 }
const alignment = 8

/** The memory that a scanner reads through. Who opens one segment after the other passes it on: each would leave a megabyte behind. */
export function scanWindow(): Uint8Array {
  return new Uint8Array(scanning.windowBytes)
}

/**
 * Reads the groups of a segment in order, through one buffer that is refilled: what `next` gave is valid until the next call.
 * Damage is skipped by looking for the next whole group at any 8-aligned place, so it never hides its neighbours.
 */
export class SegmentScanner {
  readonly #file: StorageFile
  readonly #salt: number
  #bytes: Uint8Array
  #view: DataView
  /** File offset of the buffer's start, and how far it is filled. */
  #base: number
  #filled = 0
  /** Buffer offset of what comes next. */
  #at = 0

  constructor(file: StorageFile, salt: number, offset = segmentHeaderBytes, window = scanWindow()) {
    this.#file = file
    this.#salt = salt
    this.#base = offset
    this.#bytes = window
    this.#view = new DataView(window.buffer, window.byteOffset, window.length)
  }

  /** File offset of what `next` will look at. */
  get offset(): number {
    return this.#base + this.#at
  }

  /** Goes on at another place of the file, where a group begins or the file ends. */
  moveTo(offset: number): void {
    this.#base = offset
    this.#filled = 0
    this.#at = 0
  }

  /**
   * The next group or stretch of damage; undefined at the end of what `end` (a file offset) allows. Bytes at the end that are
   * not a whole group are reported as damage; a caller that reads a growing file passes an `end` it knows to be whole.
   */
  next(end: number): Found | undefined {
    if (this.offset >= end) return undefined
    const found = this.#group(end)
    if (found) return found
    const offset = this.offset
    for (;;) {
      this.#at += alignment
      if (this.offset + groupHeaderBytes > end) {
        this.#at += end - this.offset
        return { kind: 'damage', offset, length: end - offset }
      }
      if (this.#looksLikeGroup(end)) {
        const from = this.#at + this.#base
        if (this.#group(end, true)) return { kind: 'damage', offset, length: from - offset }
      }
    }
  }

  /** The group at the present place; with `peek` the place stays where it is. */
  #group(end: number, peek = false): Found | undefined {
    this.#need(groupHeaderBytes, end)
    const length = groupLength(this.#view, this.#at, this.#filled)
    if (length === undefined || this.offset + length > end) return undefined
    this.#need(length, end)
    const group = readGroup(this.#bytes, this.#view, this.#at, this.#filled, this.#salt, this.offset)
    if (!group) return undefined
    const offset = this.offset
    if (!peek) this.#at += length
    return { kind: 'group', group, offset, bytes: this.#bytes, view: this.#view }
  }

  #looksLikeGroup(end: number): boolean {
    this.#need(groupHeaderBytes, end)
    return groupLength(this.#view, this.#at, this.#filled) !== undefined
  }

  /** Brings `length` bytes from the present place into the buffer, as far as there are any before `end`. */
  #need(length: number, end: number): void {
    if (this.#at + length <= this.#filled) return
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(roundUpToPower(length))
      larger.set(this.#bytes.subarray(this.#at, this.#filled))
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    } else if (this.#at > 0) {
      this.#bytes.copyWithin(0, this.#at, this.#filled)
    }
    this.#base += this.#at
    this.#filled -= Math.min(this.#at, this.#filled)
    this.#at = 0
    const wanted = Math.min(this.#bytes.length, end - this.#base)
    if (wanted > this.#filled) {
      const read = this.#file.read(this.#bytes.subarray(this.#filled, wanted), this.#base + this.#filled)
      this.#filled += read
    }
  }
}

function roundUpToPower(length: number): number {
  return 2 ** Math.ceil(Math.log2(length))
}
