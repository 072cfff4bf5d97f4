import { randomUUID } from 'node:crypto'
import { SluiceError } from '../../core/errors.ts'
import type { Changes } from '../../core/log.ts'
import type { NewSeries } from '../../core/series.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Storage, StorageFile } from '../../lib/storage.ts'
import { Dictionary } from './dictionary.ts'
import { appendNames, loadNames } from './dictionary-file.ts'
import { type EncodedGroup, encodeCheckpoint, encodeGroup } from './group.ts'
import { noBooks, numberJump, recover } from './recovery.ts'
import {
  encodeSegmentHeader,
  listSegments,
  type Segment,
  segmentFile,
  segmentHeaderBytes,
} from './segment.ts'

export interface WriterOptions {
  readonly segmentBytes: number
  /** Whole log on disk; beyond it and with nothing that may be removed, commits are refused. */
  readonly maxBytes: number
  readonly retentionSeconds: number
  /** Disk space left free for stores and queries; below it commits are refused. */
  readonly reserveBytes: number
}

/** Where everything durable ends, exactly: readers go no further. */
export interface Watermark {
  readonly next: number
  /** The segment being written, and how many of its bytes count. */
  readonly segment: Segment
  readonly end: number
}

export type WriterState = 'open' | 'disk-full' | 'read-only'

/** How often, in written bytes, the free space of the disk is asked for. */
const checkEveryBytes = 16 * 1024 * 1024

/**
 * The one writer of an embedded log, without threads or promises: `append` stages commits, `flush` makes all of them durable
 * with one write and one fdatasync, or throws and none of them will ever be delivered.
 *
 * A failed write or sync: the file is never synced again; the commits are written once more into a new segment. If that
 * fails too the log is read-only. A full disk is another matter: the commits are refused and writing resumes in a new
 * segment when `check` sees space again.
 */
export class LogWriter {
  readonly id: string
  readonly dictionary = new Dictionary()
  state: WriterState = 'open'
  commits = 0
  syncs = 0
  damagedFrames = 0
  tornTails = 0
  books = noBooks
  readonly rows: Map<string, number>

  readonly #storage: Storage
  readonly #clock: Clock
  readonly #folder: string
  readonly #options: WriterOptions
  #segments: { segment: Segment; bytes: number; ageSeconds: number }[] = []
  #file: StorageFile
  #at: number
  #next: number
  /** Everything below is on disk. */
  #synced: number
  /** A number at which the next segment must begin, because the present file holds void bytes from there on. */
  #failedAt: number | undefined
  #pending: { group: EncodedGroup; changes: Changes }[] = []
  #pendingRows = new Map<string, number>()
  #newNames: NewSeries[] = []
  #namesEnd: number
  readonly #ageAtStart: number
  readonly #startMs: number
  #uncheckedBytes = 0
  /** Segments whose creation failed half-way: their names are taken. */
  #abandoned = 0

  constructor(storage: Storage, clock: Clock, folder: string, options: WriterOptions) {
    this.#storage = storage
    this.#clock = clock
    this.#folder = folder
    this.#options = options
    storage.makeFolder(folder)
    const known = loadNames(storage, folder)
    for (const name of known.names) this.dictionary.add(name)
    this.#namesEnd = known.end
    const segments = listSegments(storage, folder)
    const covered = this.dictionary.size
    const found = recover(storage, segments, known.covers, this.dictionary)
    this.#newNames = [...this.dictionary.entries(covered)]
    this.id = found.log ?? randomUUID()
    this.rows = found.rows
    this.books = found.books
    this.commits = found.commits
    this.damagedFrames = found.damagedFrames
    this.tornTails = found.tornTails
    this.#next = found.next
    this.#synced = found.next
    this.#startMs = clock.monotonicMs()
    // Time that passed while nothing ran counts at most a day: a clock that jumped must not make the log look old.
    const away = found.lastTimeMicros === 0 ? 0 : (clock.now() - found.lastTimeMicros) / 1e6
    this.#ageAtStart = found.ageSeconds + Math.min(Math.max(away, 0), 86_400)
    for (const segment of segments) {
      this.#segments.push({ segment, bytes: sizeOf(storage, segment), ageSeconds: found.ageSeconds })
    }
    const last = segments.at(-1)
    if (last && found.end !== undefined) {
      this.#file = storage.open(last.file, 'write')
      this.#at = found.end
      if (this.#file.size() > found.end) {
        this.#file.truncate(found.end)
        this.#file.sync()
      }
    } else {
      const begun = this.#createSegment(found.next)
      this.#file = begun.file
      this.#at = begun.at
    }
  }

  get watermark(): Watermark {
    return { next: this.#synced, segment: this.#last().segment, end: this.#at }
  }

  get first(): number {
    return this.#segments[0]?.segment.first ?? 0
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  get segments(): number {
    return this.#segments.length
  }

  /** Stages a commit; returns the number after its last. Its columns must stay as they are until `flush`. */
  append(changes: Changes): number {
    const group = encodeGroup(changes, {
      number: this.#next,
      synced: this.#synced,
      timeMicros: this.#clock.now(),
      ageSeconds: this.#age(),
      running: (stream) => (this.rows.get(stream) ?? 0) + (this.#pendingRows.get(stream) ?? 0),
    })
    this.#pending.push({ group, changes })
    if (changes.readings) this.#count('readings', changes.readings.length)
    for (const documents of changes.documents) this.#count(documents.stream, documents.length)
    this.#next += group.numbers
    return this.#next
  }

  /** Makes every staged commit durable, or throws SluiceError `disk-full` or `log-read-only` and forgets them. */
  flush(): void {
    if (this.#pending.length === 0) return
    const first = this.#synced
    try {
      this.#refuseUnlessOpen()
      if (this.#failedAt !== undefined || this.#at >= this.#options.segmentBytes)
        this.#roll(this.#failedAt ?? first)
      this.#write()
    } catch (error) {
      this.#recoverFrom(error, first)
    }
    for (const { changes } of this.#pending) this.#remember(changes)
    for (const [stream, rows] of this.#pendingRows) this.rows.set(stream, (this.rows.get(stream) ?? 0) + rows)
    this.#synced = this.#next
    this.#forgetPending()
    if (this.#uncheckedBytes > checkEveryBytes) this.check(undefined)
  }

  /**
   * Looks at disk space and retention; call it about every second. `bound`: everything below this number is held
   * by all sinks; undefined where that is not known, and then nothing is removed.
   */
  check(bound: number | undefined): void {
    this.#uncheckedBytes = 0
    if (bound !== undefined) this.#trim(bound)
    if (this.state === 'read-only') return
    const full =
      this.#storage.free(this.#folder) < this.#options.reserveBytes || this.bytes > this.#options.maxBytes
    this.state = full ? 'disk-full' : 'open'
  }

  close(): void {
    this.#file.close()
  }

  #write(): void {
    const parts: Uint8Array[] = []
    let length = 0
    for (const { group } of this.#pending) {
      parts.push(...group.parts)
      length += group.length
    }
    this.#file.write(parts, this.#at)
    this.#file.sync()
    this.syncs++
    this.#at += length
    this.#last().bytes = this.#at
    this.#last().ageSeconds = this.#age()
    this.#uncheckedBytes += length
  }

  /** The second chance of a failed flush; throws if there is none. */
  #recoverFrom(error: unknown, first: number): void {
    if (error instanceof SluiceError) {
      // Refused before a byte was written: the numbers are still free.
      this.#next = first
      this.#forgetPending()
      throw error
    }
    if (isDiskFull(error)) {
      this.state = 'disk-full'
      this.#giveUp(first)
      throw new SluiceError('disk-full', 'the log could not be written: the disk is full', error)
    }
    try {
      this.#roll(first)
      this.#write()
      this.#failedAt = undefined
    } catch (second) {
      this.state = isDiskFull(second) ? 'disk-full' : 'read-only'
      this.#giveUp(first)
      throw new SluiceError(
        this.state === 'disk-full' ? 'disk-full' : 'log-read-only',
        'the log could not be written twice in a row',
        second,
      )
    }
  }

  /** Forgets the staged commits. Their numbers are not given again, and the present file is void from `first` on. */
  #giveUp(first: number): void {
    this.#failedAt = this.#failedAt ?? first
    this.#next = Math.ceil((this.#next + 1) / numberJump) * numberJump
    this.#synced = this.#next
    this.#forgetPending()
  }

  #forgetPending(): void {
    this.#pending = []
    this.#pendingRows = new Map()
  }

  #refuseUnlessOpen(): void {
    if (this.state === 'disk-full')
      throw new SluiceError('disk-full', 'the disk, or the log within its limit, is full')
    if (this.state === 'read-only')
      throw new SluiceError('log-read-only', 'the log is read-only after two failed syncs')
  }

  /** Closes the segment and begins the next at `first`. Names go to their file first: then the old segment may be removed. */
  #roll(first: number): void {
    if (this.#newNames.length > 0) {
      this.#namesEnd = appendNames(this.#storage, this.#folder, this.#newNames, this.#synced, this.#namesEnd)
      this.#newNames = []
    }
    const begun = this.#createSegment(first)
    this.#file.close()
    this.#file = begun.file
    this.#at = begun.at
    this.#failedAt = undefined
  }

  #createSegment(first: number): { file: StorageFile; at: number } {
    const last = this.#segments.at(-1)?.segment
    const attempt = (last && last.first === first ? last.attempt + 1 : 0) + this.#abandoned
    const segment = segmentFile(this.#folder, first, attempt)
    const file = this.#storage.open(segment.file, 'create')
    this.#abandoned++
    const checkpoint = encodeCheckpoint(
      { rows: Object.fromEntries(this.rows), books: this.books, commits: this.commits },
      { number: first, synced: first, timeMicros: this.#clock.now(), ageSeconds: this.#age() },
    )
    file.write([encodeSegmentHeader({ log: this.id, first }, this.#clock.now()), ...checkpoint.parts], 0)
    file.sync()
    this.#storage.syncFolder(this.#folder)
    this.#abandoned--
    const at = segmentHeaderBytes + checkpoint.length
    this.#segments.push({ segment, bytes: at, ageSeconds: this.#age() })
    return { file, at }
  }

  /** Removes the oldest segments that are past retention and that no sink needs. */
  #trim(bound: number): void {
    let removed = false
    for (;;) {
      const [oldest, following] = this.#segments
      if (!oldest || !following || following.segment.first > bound) break
      const expired = this.#age() - oldest.ageSeconds > this.#options.retentionSeconds
      if (!expired && this.bytes <= this.#options.maxBytes) break
      // Names that only this segment and later ones hold must be in their file before it goes.
      if (this.#newNames.length > 0) {
        this.#namesEnd = appendNames(
          this.#storage,
          this.#folder,
          this.#newNames,
          this.#synced,
          this.#namesEnd,
        )
        this.#newNames = []
      }
      this.#storage.remove(oldest.segment.file)
      this.#segments.shift()
      removed = true
    }
    if (removed) this.#storage.syncFolder(this.#folder)
  }

  #remember(changes: Changes): void {
    this.commits++
    this.books = changes.books
    for (const name of changes.names) {
      this.dictionary.add(name)
      this.#newNames.push(name)
    }
  }

  #count(stream: string, rows: number): void {
    this.#pendingRows.set(stream, (this.#pendingRows.get(stream) ?? 0) + rows)
  }

  #age(): number {
    return Math.floor(this.#ageAtStart + (this.#clock.monotonicMs() - this.#startMs) / 1000)
  }

  #last(): { segment: Segment; bytes: number; ageSeconds: number } {
    // There is always one: the constructor opens or creates it.
    return this.#segments.at(-1) as { segment: Segment; bytes: number; ageSeconds: number }
  }
}

function sizeOf(storage: Storage, segment: Segment): number {
  const file = storage.open(segment.file, 'read')
  try {
    return file.size()
  } finally {
    file.close()
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
