import type { StorageFile } from '../../lib/storage.ts'
import type { Group } from './group-reader.ts'
import { type Found, SegmentScanner, scanWindow } from './scan.ts'
import { segmentHeaderBytes } from './segment.ts'

type Damaged = Extract<Found, { kind: 'damage' }>

/** Enough for most groups: a look ahead is rare and short. */
const aheadBytes = 1 << 16

/**
 * The groups of a segment that are whole and in their place. A disk may give one block for another: where it gives one of another segment, or a
 * group of format 1, which is not bound to its place, only the numbers tell. Such a group belongs to the damage around it.
 */
export class OrderedScanner {
  readonly #file: StorageFile
  readonly #salt: number
  readonly #scanner: SegmentScanner
  /** The number after the last group in its place. */
  #next: number
  /** A group in its place that was found behind damage, which is told first. */
  #held: Found | undefined

  constructor(file: StorageFile, salt: number, first: number, window = scanWindow()) {
    this.#file = file
    this.#salt = salt
    this.#next = first
    this.#scanner = new SegmentScanner(file, salt, segmentHeaderBytes, window)
  }

  /** Goes on at another place of the file, where the group with that number begins, or will. */
  moveTo(offset: number, number: number): void {
    this.#scanner.moveTo(offset)
    this.#next = number
    this.#held = undefined
  }

  /** As of `SegmentScanner`; groups with numbers from `limit` on are out of place too. */
  next(end: number, limit = Number.POSITIVE_INFINITY): Found | undefined {
    const held = this.#held
    this.#held = undefined
    if (held) return held
    let damage: Damaged | undefined
    for (;;) {
      const found = this.#scanner.next(end)
      if (found?.kind === 'group' && this.#isInPlace(found.group, found.offset, end, limit)) {
        this.#next = found.group.number + found.group.numbers
        if (!damage) return found
        this.#held = found
        return damage
      }
      if (!found) return damage
      damage = joined(damage, found)
    }
  }

  #isInPlace({ number, numbers, length }: Group, offset: number, end: number, limit: number): boolean {
    if (number < this.#next || number + numbers > limit) return false
    return number === this.#next || !this.#isAhead(number, offset + length, end, limit)
  }

  /**
   * Numbers are missing before a group: they were lost or never given, and then what follows goes on from it. Or the group has come here
   * from behind, and what follows does not.
   */
  #isAhead(number: number, offset: number, end: number, limit: number): boolean {
    const scanner = new SegmentScanner(this.#file, this.#salt, offset, new Uint8Array(aheadBytes))
    for (let found = scanner.next(end); found; found = scanner.next(end)) {
      if (found.kind === 'damage') continue
      const { group } = found
      if (group.number >= this.#next && group.number + group.numbers <= limit) return group.number < number
    }
    return false
  }
}

function joined(damage: Damaged | undefined, found: Found): Damaged {
  const length = found.kind === 'group' ? found.group.length : found.length
  const offset = damage?.offset ?? found.offset
  return { kind: 'damage', offset, length: found.offset + length - offset }
}
