import path from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import type { Storage, StorageFile } from '../../lib/storage.ts'
import { OrderedScanner } from './ordered-scan.ts'
import { type Found, scanWindow } from './scan.ts'
import { listSegments, openSegment, readSegmentHeader, type Segment } from './segment.ts'
import type { Watermark } from './writer.ts'

export type FoundGroup = Extract<Found, { kind: 'group' }>

/** Bytes of a segment that are no whole group, though they lie below what was acknowledged. */
export interface Damage {
  /** Name of the segment's file. */
  readonly file: string
  readonly offset: number
  readonly bytes: number
}

/** Goes through the whole groups of a log in order, from segment to segment, up to the watermark. */
export class GroupWalk {
  /** Everything of the log below has been looked at. */
  seen = 0
  readonly #storage: Storage
  readonly #folder: string
  readonly #salt: number
  readonly #watermark: () => Watermark
  #segment: Segment | undefined
  #file: StorageFile | undefined
  #scanner: OrderedScanner | undefined
  readonly #window = scanWindow()
  /** Size of the segment, once nothing more is written to it. */
  #closedBytes: number | undefined
  readonly #onDamage: (damage: Damage) => void
  /** Found in a closed segment, and what had been seen before it: damage, or the void rest of a failed write, as will show. */
  #doubt: { readonly damage: Damage; readonly seen: number } | undefined
  /** The segment after this one, once it has been seen. */
  #following: Segment | undefined

  constructor(
    storage: Storage,
    folder: string,
    salt: number,
    watermark: () => Watermark,
    from: Segment | undefined,
    onDamage: (damage: Damage) => void,
  ) {
    this.#onDamage = onDamage
    this.#storage = storage
    this.#folder = folder
    this.#salt = salt
    this.#watermark = watermark
    this.#open(from)
  }

  /** The next whole group below the watermark, valid until the next call; undefined if there is none yet. */
  next(): FoundGroup | undefined {
    const mark = this.#watermark()
    for (;;) {
      const isWritten = isSame(this.#segment, mark.segment)
      if (!isWritten) this.#closedBytes ??= this.#file?.size() ?? 0
      const found = isWritten
        ? this.#scanner?.next(mark.end)
        : this.#scanner?.next(this.#closedBytes ?? 0, this.#findFollowing()?.first)
      // What damage has taken of rows shows in the running counts.
      if (found?.kind === 'damage') {
        this.#meetDamage(found, isWritten)
        continue
      }
      if (found) {
        this.#judgeDoubt(true)
        this.seen = Math.max(this.seen, found.group.number + found.group.numbers)
        return found
      }
      if (isWritten) {
        this.seen = Math.max(this.seen, mark.next)
        return undefined
      }
      const following = this.#findFollowing()
      if (!following) throw new SluiceError('internal', `the log's files in ${this.#folder} are gone`)
      // Behind the last whole group: damage only where numbers are missing.
      this.#judgeDoubt(this.#doubt !== undefined && this.#doubt.seen < following.first)
      this.#open(following)
    }
  }

  /** Passes over everything below the mark without a look at it. */
  skipTo({ next, segment, end }: Watermark): void {
    if (next <= this.seen) return
    if (!isSame(this.#segment, segment)) this.#open(segment)
    this.#scanner?.moveTo(end, next)
    this.#doubt = undefined
    this.seen = next
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
    this.#scanner = undefined
  }

  #meetDamage({ offset, length }: Extract<Found, { kind: 'damage' }>, isWritten: boolean): void {
    if (!this.#segment) return
    const { file, first } = this.#segment
    const damage = { file: path.basename(file), offset, bytes: length }
    this.#doubt = { damage, seen: Math.max(this.seen, first) }
    // Below the watermark everything counts.
    if (isWritten) this.#judgeDoubt(true)
  }

  #judgeDoubt(isDamage: boolean): void {
    if (this.#doubt && isDamage) this.#onDamage(this.#doubt.damage)
    this.#doubt = undefined
  }

  #findFollowing(): Segment | undefined {
    const { first, attempt } = this.#segment ?? { first: -1, attempt: -1 }
    this.#following ??= listSegments(this.#storage, this.#folder).find(
      (segment) => segment.first > first || (segment.first === first && segment.attempt > attempt),
    )
    return this.#following
  }

  #open(segment: Segment | undefined): void {
    this.close()
    this.#segment = segment
    this.#following = undefined
    this.#closedBytes = undefined
    if (!segment) return
    // Retention may have removed it since it was listed: then it is passed over like an empty one.
    this.#file = openSegment(this.#storage, segment)
    // A damaged header costs nothing: the groups say who they are.
    if (this.#file && readSegmentHeader(this.#file) !== 'newer') {
      this.#scanner = new OrderedScanner(this.#file, this.#salt, segment.first, this.#window)
    }
  }
}

/** The segments of a folder up to the one the watermark names: one begun since may hold what is not durable yet. */
export function segmentsUpTo(storage: Storage, folder: string, mark: Watermark): Segment[] {
  const { first, attempt } = mark.segment
  return listSegments(storage, folder).filter(
    (segment) => segment.first < first || (segment.first === first && segment.attempt <= attempt),
  )
}

function isSame(a: Segment | undefined, b: Segment): boolean {
  return a?.first === b.first && a.attempt === b.attempt
}
