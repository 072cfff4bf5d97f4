import { randomInt, randomUUID } from 'node:crypto'
import { SluiceError } from '../../core/errors.ts'
import type { Changes } from '../../core/log.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Storage } from '../../lib/storage.ts'
import { Dictionary } from './dictionary.ts'
import { type EncodedGroup, encodeCheckpoint, encodeGroup } from './group.ts'
import { type KnownNames, loadNames, NamesFile } from './names-file.ts'
import { firstCheckpoint, numberJump, type Recovered, recover } from './recovery.ts'
import { findSalt, listSegments, type Segment } from './segment.ts'
import { isOutOfFiles, quietly, SegmentChain } from './segment-chain.ts'

export interface WriterOptions {
  readonly segmentBytes: number
  /** Whole log on disk; beyond it and with nothing that may be removed, commits are refused. */
  readonly maxBytes: number
  /** Time that the log has run, not time of day: a clock that jumps removes nothing. */
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
  /** Rows written per stream since the log was created. */
  readonly rows: Readonly<Record<string, number>>
}

export type WriterState = 'open' | 'disk-full' | 'read-only'

/** How often, in written bytes, the free space of the disk is asked for. */
const checkEveryBytes = 16 * 1024 * 1024

/**
 * The one writer of an embedded log, without threads or promises: `append` stages commits, `flush` makes all of them durable
 * with one write and one fdatasync, or throws and none of them will ever be delivered.
 *
 * A failed write or sync: the file is never synced again; the commits are written once more into a new segment. If that
 * fails too the log is read-only. A full disk is another matter: the commits are refused, what was written of them is cut off,
 * and writing resumes when `check` sees space again.
 */
export class LogWriter {
  id: string
  readonly dictionary = new Dictionary()
  readonly rows: Map<string, number>
  readonly damagedFrames: number
  readonly tornTails: number
  state: WriterState = 'open'
  syncs = 0
  commits: number
  renewals: number
  books: Recovered['books']
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #folder: string
  readonly #options: WriterOptions
  readonly #salt: number
  readonly #chain: SegmentChain
  readonly #names: NamesFile
  readonly #ageAtStart: number
  readonly #startMs: number
  /** The number to be given next; the one after the last that is on disk; the one before anything was staged. */
  #next: number
  #synced: number
  #stagedFrom = 0
  #pending: { group: EncodedGroup; changes: Changes }[] = []
  /** Rows per stream, staged ones included. */
  #stagedRows: Map<string, number>
  /** One more than the highest series id that staged names bring. */
  #pendingSeries = 0
  /** A number at which the next segment must begin, because refused commits from there on may still be on the disk. */
  #voidFrom: number | undefined
  /** Size at which the present segment is full. */
  #rollAt: number
  #uncheckedBytes = 0
  /** True if nothing was committed since the last checkpoint, which was written when the log was that old. */
  #isCheckpointed = true
  #writtenAge: number

  constructor(storage: Storage, clock: Clock, folder: string, options: WriterOptions) {
    this.#storage = storage
    this.#clock = clock
    this.#folder = folder
    this.#options = {
      ...options,
      // Retention removes whole segments: of a small log none may be a large part.
      segmentBytes: Math.min(options.segmentBytes, Math.ceil(options.maxBytes / 4)),
    }
    this.#rollAt = this.#options.segmentBytes
    storage.makeFolder(folder)
    const segments = listSegments(storage, folder)
    const known = loadNames(storage, folder)
    this.#salt = findSalt(storage, segments) ?? known.salt ?? randomInt(2 ** 32)
    const found = recover(storage, segments, this.#salt, known)
    this.id = found.log ?? randomUUID()
    this.rows = found.rows
    this.#stagedRows = new Map(found.rows)
    this.books = found.books
    this.commits = found.commits
    this.renewals = found.renewals
    this.damagedFrames = found.damagedFrames
    this.tornTails = found.tornTails
    this.#next = found.next
    this.#synced = found.next
    this.#startMs = clock.monotonicMs()
    this.#ageAtStart = found.ageSeconds
    this.#writtenAge = found.ageSeconds
    this.#names = new NamesFile(storage, folder, this.#salt, known)
    this.#learn(known, found)
    this.#chain = new SegmentChain(storage, folder)
    this.#openChain(segments, found)
    // Whatever names were found, of segments or of the names file, may be as new as the last crash.
    storage.syncFolder(folder)
    if (known.isDamaged) quietly(() => this.#names.rewrite([...this.dictionary.entries()]))
    if (found.tornTails > 0) this.#jump()
  }

  get watermark(): Watermark {
    const rows = Object.fromEntries(this.rows)
    return { next: this.#synced, segment: this.#chain.last, end: this.#chain.at, rows }
  }

  get first(): number {
    return this.#chain.first
  }

  get bytes(): number {
    return this.#chain.bytes
  }

  get segments(): number {
    return this.#chain.length
  }

  /**
   * Stages a commit; returns the number after its last. Its columns must stay as they are until `flush`.
   * @throws SluiceError `too-large` or `invalid-name`, and the commit is not staged.
   */
  append(changes: Changes): number {
    if (this.#pending.length === 0) this.#stagedFrom = this.#next
    const series = changes.names.reduce((most, { id }) => Math.max(most, id + 1), this.#pendingSeries)
    const group = encodeGroup(changes, {
      ...this.#place(this.#next, this.#synced),
      series: Math.max(series, this.dictionary.size),
      rows: this.#stagedRows,
    })
    this.#pending.push({ group, changes })
    this.#pendingSeries = series
    if (changes.readings) this.#count('readings', changes.readings.length)
    for (const documents of changes.documents) this.#count(documents.stream, documents.length)
    this.#next += group.numbers
    return this.#next
  }

  /** Makes every staged commit durable, or throws SluiceError `disk-full`, `log-read-only` or `busy` and forgets them. `bound` as for `check`. */
  flush(bound?: number): void {
    if (this.#pending.length === 0) return
    this.#refuseUnlessOpen()
    try {
      this.#write()
    } catch (error) {
      this.#writeAgain(error)
    }
    for (const { changes } of this.#pending) this.#remember(changes)
    for (const [stream, rows] of this.#stagedRows) this.rows.set(stream, rows)
    this.#synced = this.#next
    this.#isCheckpointed = false
    this.#forgetPending()
    if (this.bytes > this.#options.maxBytes || this.#uncheckedBytes > checkEveryBytes) this.check(bound)
  }

  /** Gives the log another id, durably. With commits staged it must not be called. @throws if that fails, and the id stays. */
  renew(): void {
    if (this.state === 'read-only') throw new SluiceError('log-read-only', 'the log is read-only')
    const { id } = this
    this.id = randomUUID()
    this.renewals++
    try {
      this.#create(this.#voidFrom ?? this.#synced)
    } catch (error) {
      this.id = id
      this.renewals--
      throw error
    }
  }

  /**
   * Looks at names, retention and disk space; call it about every half second. It never throws: what fails is tried again at the next.
   * `bound`: everything below this number is held by all sinks; undefined where that is not known, and then nothing is removed.
   */
  check(bound: number | undefined): void {
    this.#uncheckedBytes = 0
    if (this.state === 'read-only') return
    // The disk may be full or sick. Commits go on or are refused by what happens to themselves.
    quietly(() => this.#names.save())
    if (bound !== undefined && !this.#names.isFoundUnsaved) quietly(() => this.#trim(bound))
    this.state = this.#isFull() ? 'disk-full' : 'open'
  }

  /** Ends the log with a checkpoint: damage of its last commits will not be taken for a torn tail, and its age is kept. */
  close(): void {
    const isClean = this.state !== 'read-only' && this.#voidFrom === undefined && !this.#chain.hasTraces
    if (isClean && !(this.#isCheckpointed && this.#age() - this.#writtenAge < 60)) {
      const isWritten = quietly(() => this.#chain.append([this.#checkpoint(this.#synced)], this.#age()))
      if (!isWritten) this.#chain.cut()
    }
    // A start will not know that they were refused.
    if (this.#voidFrom !== undefined) this.#chain.cut()
    this.#chain.close()
  }

  #learn(known: KnownNames, found: Recovered): void {
    for (const name of known.names) this.dictionary.add(name)
    for (const name of found.names) {
      const before = this.dictionary.get(name.id)
      this.dictionary.add(name)
      if (!before || before.unit !== this.dictionary.get(name.id)?.unit) this.#names.found(name)
    }
    this.dictionary.reserve(found.series)
  }

  #openChain(segments: readonly Segment[], found: Recovered): void {
    segments.forEach((segment, i) => {
      const following = segments[i + 1]
      const age = following && firstCheckpoint(this.#storage, following, this.#salt)?.ageSeconds
      this.#chain.found(segment, age ?? found.ageSeconds)
    })
    if (found.last?.isWhole) return this.#chain.continue(found.last)
    try {
      this.#create(found.next)
    } catch (error) {
      // On a full disk what is there can still be read, and the segment is begun when there is space.
      if (!isDiskFull(error) || !found.last) throw error
      this.#chain.readTo(found.last.end)
      this.#voidFrom = found.next
      this.state = 'disk-full'
    }
  }

  /**
   * Leaves the numbers of a dropped tail behind, and says so on disk: otherwise the next start, which finds no torn tail, would give
   * them again, and a sink that has seen them before would take the new rows for old ones.
   */
  #jump(): void {
    const next = afterJump(this.#next)
    this.#next = next
    if (quietly(() => this.#chain.append([this.#checkpoint(next)], this.#age()))) this.#synced = next
    // Then the first commit says it.
    else if (!this.#chain.cut()) this.#voidFrom = this.#synced
  }

  #write(): void {
    if (this.#voidFrom !== undefined || this.#chain.hasTraces) this.#create(this.#voidFrom ?? this.#synced)
    else if (this.#chain.at >= this.#rollAt && this.#synced > this.#chain.last.first) this.#roll()
    this.#appendPending()
  }

  #appendPending(): void {
    const groups = this.#pending.map(({ group }) => group)
    this.#chain.append(groups, this.#age())
    this.syncs++
    for (const { length } of groups) this.#uncheckedBytes += length
  }

  /** The second chance of a failed flush; throws if there is none. */
  #writeAgain(error: unknown): void {
    let last = error
    if (!isDiskFull(error)) {
      try {
        this.#create(this.#voidFrom ?? this.#synced)
        this.#appendPending()
        return
      } catch (second) {
        last = second
      }
    }
    this.#giveUp()
    if (isOutOfFiles(last)) {
      throw new SluiceError('busy', 'the log could not open its next file: too many are open', last)
    }
    if (isDiskFull(last)) {
      this.state = 'disk-full'
      throw new SluiceError('disk-full', 'the log could not be written: the disk is full', last)
    }
    this.state = 'read-only'
    throw new SluiceError('log-read-only', 'the log could not be written twice in a row', last)
  }

  /** Forgets the staged commits. Their numbers are not given again, and what is on disk of them must not come back. */
  #giveUp(): void {
    if (!this.#chain.cut()) this.#voidFrom ??= this.#synced
    this.#next = afterJump(this.#next)
    this.#forgetPending()
  }

  #forgetPending(): void {
    this.#pending = []
    this.#stagedRows = new Map(this.rows)
    this.#pendingSeries = 0
  }

  #refuseUnlessOpen(): void {
    if (this.state === 'open') return
    if (this.state === 'disk-full' && this.#pending.some(({ changes }) => changes.usesReserve)) return
    // Not a byte was written: the numbers are still free.
    this.#next = this.#stagedFrom
    this.#forgetPending()
    if (this.state === 'disk-full')
      throw new SluiceError('disk-full', 'the disk, or the log within its limit, is full')
    throw new SluiceError('log-read-only', 'the log is read-only after two failed writes')
  }

  /** Begins the next segment because the present one is full. That can wait if there is no file to be had. */
  #roll(): void {
    try {
      this.#create(this.#synced)
    } catch (error) {
      if (!isOutOfFiles(error) || this.#chain.hasTraces) throw error
      this.#rollAt = this.#chain.at + checkEveryBytes
    }
  }

  /** Begins a segment at `first`. Names go to their file before: then older segments may be removed. */
  #create(first: number): void {
    this.#names.save()
    this.#chain.create({ log: this.id, first, salt: this.#salt }, this.#checkpoint(first), this.#age())
    this.#voidFrom = undefined
    this.#rollAt = this.#options.segmentBytes
  }

  /** Removes the oldest segments that are past retention and that no sink needs. */
  #trim(bound: number): void {
    // The last segment is never removed: where it alone is over the bound it must become an older one.
    if (this.bytes > this.#options.maxBytes && this.#chain.at >= this.#options.segmentBytes) this.#roll()
    let removed = false
    for (let oldest = this.#chain.oldest(); oldest && oldest.below <= bound; oldest = this.#chain.oldest()) {
      const isExpired = this.#age() - oldest.ageSeconds > this.#options.retentionSeconds
      if (!isExpired && this.bytes <= this.#options.maxBytes) break
      this.#chain.removeOldest()
      removed = true
    }
    if (removed) this.#storage.syncFolder(this.#folder)
  }

  #isFull(): boolean {
    if (this.bytes > this.#options.maxBytes) return true
    try {
      return this.#storage.free(this.#folder) < this.#options.reserveBytes
    } catch {
      return this.state === 'disk-full'
    }
  }

  #remember(changes: Changes): void {
    this.commits++
    this.books = changes.books
    for (const name of changes.names) {
      this.dictionary.add(name)
      this.#names.add(name)
    }
  }

  #count(stream: string, rows: number): void {
    this.#stagedRows.set(stream, (this.#stagedRows.get(stream) ?? 0) + rows)
  }

  #checkpoint(number: number): EncodedGroup {
    this.#isCheckpointed = true
    this.#writtenAge = this.#age()
    const totals = {
      log: this.id,
      series: this.dictionary.size,
      namesEnd: this.#names.end,
      rows: Object.fromEntries(this.rows),
      books: this.books,
      commits: this.commits,
      renewals: this.renewals,
    }
    return encodeCheckpoint(totals, this.#place(number, number))
  }

  #place(number: number, synced: number) {
    const timeMicros = this.#clock.now()
    return { number, synced, timeMicros, ageSeconds: this.#age(), salt: this.#salt }
  }

  #age(): number {
    return Math.floor(this.#ageAtStart + (this.#clock.monotonicMs() - this.#startMs) / 1000)
  }
}

const afterJump = (number: number) => Math.ceil((number + 1) / numberJump) * numberJump

function isDiskFull(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')
}
