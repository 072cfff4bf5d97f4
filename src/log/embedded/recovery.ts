import { SluiceError } from '../../core/errors.ts'
import type { DoorBooks } from '../../core/intake.ts'
import type { Storage } from '../../lib/storage.ts'
import type { Dictionary } from './dictionary.ts'
import { Kind } from './group.ts'
import { type Group, readBooks, readCheckpoint, readNames, readSections, streamOf } from './group-reader.ts'
import { SegmentScanner } from './scan.ts'
import { readSegmentHeader, type Segment } from './segment.ts'

/** After a dropped tail, numbering goes on at the next multiple of this, so that no number is ever given twice. */
export const numberJump = 2 ** 20

export const noBooks: DoorBooks = {
  messagesReceived: 0,
  messagesAccepted: 0,
  messagesRefused: 0,
  messagesDeadLettered: 0,
  rowsReceived: 0,
  rowsAccepted: 0,
  rowsRefused: 0,
  rowsDeadLettered: 0,
}

/** How the log stood when it was last written, as its segments tell. */
export interface Recovered {
  /** undefined: no segment holds one (a new log, or every header is damaged). */
  readonly log: string | undefined
  readonly next: number
  readonly rows: Map<string, number>
  readonly books: DoorBooks
  readonly commits: number
  readonly ageSeconds: number
  readonly lastTimeMicros: number
  /** End of the last whole group of the last segment; undefined if that segment cannot be continued. */
  readonly end: number | undefined
  readonly damagedFrames: number
  readonly tornTails: number
}

/**
 * Goes through the segments whose names the dictionary file does not cover, and at least the last one that has a
 * checkpoint. It never refuses to start because of damage: what cannot be read is counted and passed over.
 */
export function recover(
  storage: Storage,
  segments: readonly Segment[],
  covers: number,
  dictionary: Dictionary,
): Recovered {
  const state = {
    log: undefined as string | undefined,
    next: 0,
    rows: new Map<string, number>(),
    books: noBooks,
    commits: 0,
  }
  let ageSeconds = 0
  let lastTimeMicros = 0
  let end: number | undefined
  let damagedFrames = 0
  let tornTails = 0

  for (let i = firstToScan(storage, segments, covers); i < segments.length; i++) {
    const segment = segments[i] as Segment
    const limit = segments[i + 1]?.first ?? Number.POSITIVE_INFINITY
    const isLast = i === segments.length - 1
    const file = storage.open(segment.file, 'read')
    try {
      const header = readSegmentHeader(file)
      if (header === 'newer') {
        throw new SluiceError('log-version', `${segment.file} was written by a newer Sluice`)
      }
      if (header) state.log = header.log
      const size = file.size()
      const scanner = new SegmentScanner(file)
      const damage: { offset: number; next: number }[] = []
      let synced = 0
      let whole = scanner.offset
      for (let found = scanner.next(size); found; found = scanner.next(size)) {
        if (found.kind === 'damage') {
          damage.push({ offset: found.offset, next: state.next })
          continue
        }
        const { group } = found
        if (group.number >= limit) break
        take(group, found.bytes, found.view)
        synced = Math.max(synced, group.synced)
        whole = found.offset + group.length
      }
      // Below the highest number known synced, a frame was acknowledged: it is damaged. Above, it is a tail that was never acknowledged.
      for (const { offset, next } of damage) {
        if (next < synced || offset < whole) damagedFrames++
        else if (isLast) tornTails++
      }
      end = isLast && header ? whole : undefined
      if (isLast && !header) damagedFrames++
    } finally {
      file.close()
    }
    state.next = Math.max(state.next, segment.first)
  }
  if (tornTails > 0) state.next = Math.ceil((state.next + 1) / numberJump) * numberJump
  return { ...state, ageSeconds, lastTimeMicros, end, damagedFrames, tornTails }

  function take(group: Group, bytes: Uint8Array, view: DataView): void {
    state.next = Math.max(state.next, group.number + group.numbers)
    ageSeconds = Math.max(ageSeconds, group.ageSeconds)
    lastTimeMicros = group.timeMicros
    if (group.numbers > 0) state.commits++
    for (const section of readSections(view, group)) {
      const stream = streamOf(bytes, section)
      if (stream !== undefined && section.kind !== Kind.edit) {
        state.rows.set(stream, section.running + section.rows)
      } else if (section.kind === Kind.names) {
        for (const name of readNames(bytes, view, section)) dictionary.add(name)
      } else if (section.kind === Kind.books) {
        state.books = readBooks(view, section)
      } else if (section.kind === Kind.checkpoint) {
        const totals = readCheckpoint(bytes, section)
        state.books = totals.books
        state.commits = totals.commits
        for (const [stream, rows] of Object.entries(totals.rows)) state.rows.set(stream, rows)
      }
    }
  }
}

/** The latest segment from which everything is known: its checkpoint is whole, and the dictionary file covers what lies before. */
function firstToScan(storage: Storage, segments: readonly Segment[], covers: number): number {
  for (let i = segments.length - 1; i > 0; i--) {
    if ((segments[i] as Segment).first <= covers && hasCheckpoint(storage, segments[i] as Segment)) return i
  }
  return 0
}

function hasCheckpoint(storage: Storage, segment: Segment): boolean {
  const file = storage.open(segment.file, 'read')
  try {
    if (typeof readSegmentHeader(file) !== 'object') return false
    const found = new SegmentScanner(file).next(file.size())
    if (found?.kind !== 'group') return false
    for (const section of readSections(found.view, found.group))
      if (section.kind === Kind.checkpoint) return true
    return false
  } finally {
    file.close()
  }
}
