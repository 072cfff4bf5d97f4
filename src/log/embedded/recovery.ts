import { SluiceError } from '../../core/errors.ts'
import type { DoorBooks } from '../../core/intake.ts'
import type { NewSeries } from '../../core/series.ts'
import type { Storage, StorageFile } from '../../lib/storage.ts'
import { Kind, type Totals } from './group.ts'
import {
  type Group,
  readBooks,
  readCheckpoint,
  readNames,
  readSections,
  readTotals,
  streamOf,
} from './group-reader.ts'
import { covers, type KnownNames } from './names-file.ts'
import { OrderedScanner } from './ordered-scan.ts'
import { SegmentScanner } from './scan.ts'
import { openSegment, readSegmentHeader, type Segment, segmentHeaderBytes } from './segment.ts'

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
  letterBytes: 0,
}

/** How the log stood when it was last written, as its segments tell. */
export interface Recovered {
  /** undefined: no segment holds one (a new log, or every header and checkpoint is damaged). */
  readonly log: string | undefined
  /** The number after the last commit that counts. */
  readonly next: number
  readonly rows: Map<string, number>
  readonly books: DoorBooks
  readonly commits: number
  readonly renewals: number
  readonly ageSeconds: number
  /** Names of the segments gone through. */
  readonly names: readonly NewSeries[]
  /** One more than the highest series id given. */
  readonly series: number
  /** The last segment, if there is one. */
  readonly last: LastSegment | undefined
  readonly damagedFrames: number
  readonly tornTails: number
}

export interface LastSegment {
  /** True if it can be written to: header and checkpoint are whole. */
  readonly isWhole: boolean
  /** File offset up to which groups are on disk, as those behind them tell: a commit is written after the one before it was synced. */
  readonly proven: number
  /** File offset where the last whole group that counts ends. */
  readonly end: number
}

/**
 * Goes through the segments that the names file does not cover, and at least the last one that has a checkpoint.
 * It never refuses to start because of damage: what cannot be read is counted and passed over.
 *
 * Damage below the highest number known synced lies in commits that were acknowledged: it is counted and its neighbours stay. At or
 * above it begins a tail that was never acknowledged: the log ends there, since what follows may build on what is lost.
 */
export function recover(
  storage: Storage,
  segments: readonly Segment[],
  salt: number,
  known: KnownNames,
): Recovered {
  const gathered = new Gathered()
  let last: LastSegment | undefined
  let damagedFrames = 0
  let tornTails = 0

  for (let i = scanFrom(storage, segments, salt, known); i < segments.length; i++) {
    const segment = segments[i] as Segment
    const following = segments[i + 1]
    const file = storage.open(segment.file, 'read')
    try {
      const header = readSegmentHeader(file)
      if (header === 'newer') {
        throw new SluiceError('log-version', `${segment.file} was written by a newer Sluice`)
      }
      if (header) gathered.log = header.log
      gathered.next = Math.max(gathered.next, segment.first)
      const found = following
        ? scanClosed(file, salt, following.first, gathered)
        : scanLast(file, salt, gathered)
      damagedFrames += found.damaged
      tornTails += found.isTorn ? 1 : 0
      // A header that a crash left unwritten is no damage; one that lost its bits has groups behind it.
      if (!header && found.groups > 0) damagedFrames++
      last = found.last && { ...found.last, isWhole: header !== undefined && found.last.isWhole }
    } finally {
      file.close()
    }
  }
  const { log, next, rows, books, commits, renewals, ageSeconds, names, series } = gathered
  return {
    log,
    next,
    rows,
    books,
    commits,
    renewals,
    ageSeconds,
    names,
    series,
    last,
    damagedFrames,
    tornTails,
  }
}

interface Scanned {
  readonly groups: number
  readonly damaged: number
  readonly isTorn: boolean
  readonly last: LastSegment | undefined
}

/** A segment that another one follows: it counts below that one's first number, and all of that was acknowledged. */
function scanClosed(file: StorageFile, salt: number, limit: number, gathered: Gathered): Scanned {
  const scanner = new OrderedScanner(file, salt, gathered.next)
  const size = file.size()
  let [groups, damaged] = [0, 0]
  let damagedAt: number | undefined
  for (let found = scanner.next(size, limit); found; found = scanner.next(size, limit)) {
    if (found.kind === 'damage') {
      damagedAt = gathered.next
      continue
    }
    const isBehindDamage = damagedAt !== undefined
    if (isBehindDamage) damaged++
    damagedAt = undefined
    gathered.take(found.group, found.bytes, found.view, isBehindDamage)
    groups++
  }
  // Behind the last whole group: damage if numbers are missing, else the void rest of a failed write.
  if (damagedAt !== undefined && damagedAt < limit) damaged++
  return { groups, damaged, isTorn: false, last: undefined }
}

/** The segment being written when the log stopped. */
function scanLast(file: StorageFile, salt: number, gathered: Gathered): Scanned {
  const scanner = new OrderedScanner(file, salt, gathered.next)
  const size = file.size()
  let [groups, damaged, proven, end, isTorn] = [0, 0, segmentHeaderBytes, segmentHeaderBytes, false]
  /** Groups not known to be on disk: where they end, and with which number. */
  const unproven: { readonly end: number; readonly next: number }[] = []
  let isBehindDamage = false
  gathered.hasCheckpoint = false
  for (let found = scanner.next(size); found; found = scanner.next(size)) {
    if (found.kind === 'damage') {
      isTorn = isTail(file, salt, found.offset + found.length, size, groups === 0 ? undefined : gathered.next)
      if (isTorn) break
      damaged++
      isBehindDamage = true
      continue
    }
    const { group } = found
    gathered.take(group, found.bytes, found.view, isBehindDamage)
    isBehindDamage = false
    groups++
    end = found.offset + group.length
    unproven.push({ end, next: group.number + group.numbers })
    while (unproven[0] && unproven[0].next <= group.synced) proven = unproven.shift()?.end ?? proven
  }
  // A segment has its checkpoint before anybody hears of it: one without a group is a beginning cut short, or was emptied.
  isTorn ||= groups === 0
  return { groups, damaged, isTorn, last: { isWhole: gathered.hasCheckpoint, proven, end } }
}

/**
 * True if nothing behind damage in the last segment tells that what was damaged was ever acknowledged. `offset` is where the damage ends, `next` the
 * number before it, or undefined if nothing is before it in the segment.
 */
export function isTail(
  file: StorageFile,
  salt: number,
  offset: number,
  size: number,
  next: number | undefined,
): boolean {
  const synced = highestSynced(file, salt, offset, size)
  // The checkpoint that a segment begins with was synced before any commit: with one behind it, it is no tail.
  return next === undefined ? synced < 0 : next >= synced
}

/** The highest number that groups from `offset` on knew to be on disk; -1 if there are none. */
function highestSynced(file: StorageFile, salt: number, offset: number, size: number): number {
  const scanner = new SegmentScanner(file, salt, offset)
  let synced = -1
  for (let found = scanner.next(size); found; found = scanner.next(size)) {
    if (found.kind === 'group') synced = Math.max(synced, found.group.synced)
  }
  return synced
}

/** What the groups tell, later ones over earlier ones. */
export class Gathered {
  log: string | undefined
  next = 0
  readonly rows = new Map<string, number>()
  books = noBooks
  commits = 0
  renewals = 0
  ageSeconds = 0
  series = 0
  /** How far the names file must reach. */
  namesEnd = 0
  readonly names: NewSeries[] = []
  hasCheckpoint = false

  /** Totals say nothing new but behind damage. */
  take(group: Group, bytes: Uint8Array, view: DataView, isBehindDamage: boolean): void {
    this.next = Math.max(this.next, group.number + group.numbers)
    this.ageSeconds = Math.max(this.ageSeconds, group.ageSeconds)
    if (group.numbers > 0) this.commits++
    for (const section of readSections(view, group)) {
      const stream = streamOf(bytes, section)
      if (stream !== undefined && section.kind !== Kind.edit) {
        this.rows.set(stream, section.running + section.rows)
      } else if (section.kind === Kind.names) {
        for (const name of readNames(bytes, view, section)) this.names.push(name)
      } else if (section.kind === Kind.books) {
        this.books = readBooks(view, section)
        this.series = Math.max(this.series, section.running)
      } else if (section.kind === Kind.totals) {
        if (!isBehindDamage) continue
        for (const [name, rows] of readTotals(bytes, view, section)) this.rows.set(name, rows)
      } else if (section.kind === Kind.checkpoint) {
        this.#start(readCheckpoint(bytes, section))
      }
    }
  }

  #start(totals: Totals): void {
    this.hasCheckpoint = true
    this.log = totals.log
    this.books = totals.books
    this.commits = totals.commits
    this.renewals = totals.renewals ?? 0
    this.series = Math.max(this.series, totals.series)
    this.namesEnd = Math.max(this.namesEnd, totals.namesEnd)
    for (const [stream, rows] of Object.entries(totals.rows)) this.rows.set(stream, rows)
  }
}

/**
 * The latest segment from which everything is known: its checkpoint is whole, and the names file covers what lies before.
 * With `start`, the latest that also begins at or before that number. Readers begin there too.
 */
export function scanFrom(
  storage: Storage,
  segments: readonly Segment[],
  salt: number,
  known: Pick<KnownNames, 'end' | 'isDamaged'>,
  start = Number.POSITIVE_INFINITY,
): number {
  for (let i = segments.length - 1; i > 0; i--) {
    const segment = segments[i] as Segment
    if (segment.first > start) continue
    const checkpoint = firstCheckpoint(storage, segment, salt)
    if (checkpoint && covers(known, checkpoint.totals.namesEnd)) return i
  }
  return 0
}

/** The checkpoint that a segment begins with, if it is whole. */
export function firstCheckpoint(
  storage: Storage,
  segment: Segment,
  salt: number,
): { totals: Totals; ageSeconds: number } | undefined {
  const file = openSegment(storage, segment)
  if (!file) return undefined
  try {
    if (typeof readSegmentHeader(file) !== 'object') return undefined
    const found = new SegmentScanner(file, salt, undefined, new Uint8Array(checkpointWindowBytes)).next(
      file.size(),
    )
    if (found?.kind !== 'group') return undefined
    for (const section of readSections(found.view, found.group)) {
      if (section.kind === Kind.checkpoint) {
        return { totals: readCheckpoint(found.bytes, section), ageSeconds: found.group.ageSeconds }
      }
    }
    return undefined
  } finally {
    file.close()
  }
}

/** Holds any ordinary checkpoint; a start asks every segment for its own. */
const checkpointWindowBytes = 4096
