import path from 'node:path'
import type { Clock } from '../../lib/clock.ts'
import type { Storage } from '../../lib/storage.ts'
import { Dictionary } from './dictionary.ts'
import { encodeCheckpoint } from './group.ts'
import { loadNames, namesFileName, rewriteNames } from './names-file.ts'
import { Gathered } from './recovery.ts'
import { listSegments, type Segment, segmentHeaderBytes } from './segment.ts'
import { draftSuffix, SegmentDraft } from './segment-draft.ts'
import { SetAside } from './set-aside.ts'
import { saltIn, type Surveyed, surveyLog } from './survey.ts'
import { type LogFault, type LogVerdict, verifyLog } from './verify.ts'

export interface Repaired {
  readonly before: LogVerdict
  readonly after: LogVerdict
  /** Files that were written anew, by their names. */
  readonly rewritten: readonly string[]
  /** Files with the damaged bytes. */
  readonly setAside: readonly string[]
}

/**
 * Makes a damaged log whole: damaged bytes are copied to `damaged/`, and the segments written anew without them, each with a checkpoint in their
 * place whose totals count the rows they held, so that every sink still learns what it misses. The names of series are gathered in their file.
 *
 * A file is replaced by renaming its draft, once that is on disk: a crash leaves the old or the new one, and a repair begun again goes on.
 * Nothing else may use the folder meanwhile. Where no file tells the log's salt, no commit can be read, and nothing is done.
 */
export function repairLog(storage: Storage, clock: Clock, folder: string): Repaired {
  const before = verifyLog(storage, folder)
  const salt = saltIn(storage, folder)
  if (before.faults.length === 0 || salt === undefined)
    return { before, after: before, rewritten: [], setAside: [] }
  for (const name of storage.list(folder)) {
    if (name.endsWith(draftSuffix)) storage.remove(path.join(folder, name))
  }
  const repair = new Repair(storage, clock, folder, salt, before)
  repair.gatherNames()
  repair.rewriteSegments()
  const { rewritten, aside } = repair
  return { before, after: verifyLog(storage, folder), rewritten, setAside: aside.files }
}

class Repair {
  readonly rewritten: string[] = []
  readonly aside: SetAside
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #folder: string
  readonly #salt: number
  readonly #before: LogVerdict
  /** What the log holds before what comes next, lost rows counted. */
  readonly #gathered = new Gathered()
  #namesEnd = 0
  /** Whether the totals so far are those of the log's first number. */
  #hasBase: boolean
  #draft: SegmentDraft | undefined
  /** Of the segment being gone through. */
  #log: string | undefined
  #hasLog = false
  #damage: LogFault | undefined

  constructor(storage: Storage, clock: Clock, folder: string, salt: number, before: LogVerdict) {
    this.aside = new SetAside(storage, folder)
    this.#storage = storage
    this.#clock = clock
    this.#folder = folder
    this.#salt = salt
    this.#before = before
    this.#hasBase = before.first === 0
    for (const [stream, rows] of Object.entries(before.rowsBefore)) this.#gathered.rows.set(stream, rows)
  }

  /** Afterwards their file holds all that it and the segments held, so that any checkpoint may say so. */
  gatherNames(): void {
    const known = loadNames(this.#storage, this.#folder)
    const [inFile, all] = [new Dictionary(), new Dictionary()]
    for (const name of known.names) {
      inFile.add(name)
      all.add(name)
    }
    const found = new Gathered()
    for (const one of surveyLog(this.#storage, this.#folder)) {
      if (one.kind === 'group') found.take(one.group, one.bytes, one.view, false)
    }
    for (const name of found.names) all.add(name)
    const isFaulty = this.#before.faults.some(({ kind }) => kind === 'names-file')
    if (isFaulty || [...all.entries()].some(({ id, unit }) => inFile.get(id)?.unit !== unit)) {
      if (isFaulty) this.#setNamesAside()
      rewriteNames(
        this.#storage,
        this.#folder,
        [...all.entries()],
        this.#salt,
        Math.max(known.end, found.namesEnd),
      )
      this.rewritten.push(namesFileName)
    }
    this.#namesEnd = loadNames(this.#storage, this.#folder).end
  }

  rewriteSegments(): void {
    const segments = new Set(this.#damagedSegments())
    try {
      for (const found of surveyLog(this.#storage, this.#folder)) {
        if (found.kind === 'segment') this.#begin(found, segments.has(path.basename(found.segment.file)))
        else this.#take(found)
      }
    } finally {
      this.#draft?.close()
    }
  }

  /** Names of the segments to be written anew. Numbers missing between two of them are noted at the end of the first. */
  #damagedSegments(): string[] {
    const names = listSegments(this.#storage, this.#folder).map(({ file }) => path.basename(file))
    return this.#before.faults.map(({ kind, file, offset }) =>
      kind === 'gap' && offset === 0 ? (names[names.indexOf(file) - 1] ?? file) : file,
    )
  }

  #begin(
    { segment, hasHeader, log, bytes }: Extract<Surveyed, { kind: 'segment' }>,
    isDamaged: boolean,
  ): void {
    this.#log = log ?? this.#gathered.log ?? this.#before.log
    this.#hasLog = log !== undefined
    this.#draft = isDamaged ? new SegmentDraft(this.#storage, this.#folder, segment) : undefined
    if (isDamaged && !hasHeader && bytes > 0)
      this.aside.copy(segment.file, 0, Math.min(segmentHeaderBytes, bytes))
  }

  #take(found: Exclude<Surveyed, { kind: 'segment' }>): void {
    const { kind, segment, offset } = found
    if (kind === 'group') this.#takeGroup(found)
    else if (kind === 'end') {
      const { following } = found
      if (following !== undefined && this.#hasBase)
        this.#note(segment, this.#damage ?? this.#gapBefore(following), following)
      this.#damage = undefined
      this.#finish(segment)
    } else if (kind === 'tail') {
      // The next start judges it.
      this.#draft?.copy(segment.file, offset, found.length)
      this.#finish(segment)
    } else if (this.#draft) {
      this.aside.copy(segment.file, offset, found.length)
      this.#damage = this.#faultAt(path.basename(segment.file), offset)
    }
  }

  #takeGroup({ segment, group, bytes, view, offset }: Extract<Surveyed, { kind: 'group' }>): void {
    this.#note(segment, this.#damage ?? this.#faultAt(path.basename(segment.file), offset), group.number)
    this.#draft?.move(bytes.subarray(group.at, group.at + group.length), offset)
    this.#hasBase = true
    const { log } = this.#gathered
    this.#gathered.take(group, bytes, view, true)
    if (!this.#hasLog && this.#gathered.log !== log) this.#log = this.#gathered.log
  }

  /** Writes what a fault before this number has cost, where its bytes were. */
  #note(segment: Segment, fault: LogFault | undefined, number: number): void {
    this.#damage = undefined
    if (!this.#draft || !fault) return
    // A segment begins with a checkpoint. Where damage hides what the log begins with, what is known is known of the number behind it.
    const isKnown = fault.from === undefined || this.#hasBase
    if (this.#draft.isEmpty && isKnown) this.#checkpoint(segment.first, undefined)
    const { rows } = this.#gathered
    for (const [stream, lost] of Object.entries(fault.rows)) rows.set(stream, (rows.get(stream) ?? 0) + lost)
    if (fault.from !== undefined) this.#checkpoint(number, fault.from)
  }

  #checkpoint(number: number, lostFrom: number | undefined): void {
    const { rows, books, commits, renewals, series, ageSeconds } = this.#gathered
    const totals = {
      log: this.#log ?? '',
      series,
      namesEnd: this.#namesEnd,
      rows: Object.fromEntries(rows),
      books,
      commits,
      renewals,
      ...(lostFrom === undefined ? {} : { lostFrom }),
    }
    const timeMicros = this.#clock.now()
    const place = { number, synced: number, timeMicros, ageSeconds, salt: this.#salt }
    this.#draft?.append(encodeCheckpoint(totals, place))
  }

  #finish(segment: Segment): void {
    if (!this.#draft) return
    // Nothing is left of the log's begin, and nothing tells its totals: it begins with the next segment.
    if (this.#draft.isEmpty && !this.#hasBase) this.#draft.drop()
    else {
      if (this.#draft.isEmpty) this.#checkpoint(segment.first, undefined)
      this.#draft.replace({ log: this.#log ?? '', first: segment.first, salt: this.#salt })
    }
    this.#draft = undefined
    this.rewritten.push(path.basename(segment.file))
  }

  #faultAt(file: string, offset: number): LogFault | undefined {
    return this.#before.faults.find((fault) => fault.file === file && fault.offset === offset && offset > 0)
  }

  #gapBefore(number: number): LogFault | undefined {
    return this.#before.faults.find(({ kind, offset, to }) => kind === 'gap' && offset === 0 && to === number)
  }

  #setNamesAside(): void {
    const file = path.join(this.#folder, namesFileName)
    if (!this.#storage.list(this.#folder).includes(namesFileName)) return
    const open = this.#storage.open(file, 'read')
    const length = open.size()
    open.close()
    if (length > 0) this.aside.copy(file, 0, length)
  }
}
