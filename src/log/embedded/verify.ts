import path from 'node:path'
import type { Storage } from '../../lib/storage.ts'
import { Dictionary } from './dictionary.ts'
import { Kind, type Totals } from './group.ts'
import {
  readCheckpoint,
  readNames,
  readReadings,
  readSections,
  readTotals,
  type Section,
  streamOf,
} from './group-reader.ts'
import { covers, loadNames, namesFileName } from './names-file.ts'
import { numberJump } from './recovery.ts'
import { saltIn, type Surveyed, surveyLog } from './survey.ts'

/**
 * - `header`: the header of a segment; nothing is lost by that.
 * - `commits`: bytes that are no whole commits in their place.
 * - `gap`: numbers that were given and that no file holds.
 * - `names-file`: the file of names does not hold what it once held.
 * - `names`: rows whose series has lost its name, and whom nobody can attribute.
 */
export type FaultKind = 'header' | 'commits' | 'gap' | 'names-file' | 'names'

export interface LogFault {
  readonly kind: FaultKind
  /** Name in the folder of the log. */
  readonly file: string
  readonly offset: number
  readonly bytes: number
  /** Numbers from `from` on and below `to` are gone; undefined where none are. Not every number is a row that is lost. */
  readonly from: number | undefined
  readonly to: number | undefined
  /** Rows lost per stream, as far as what follows tells. */
  readonly rows: Readonly<Record<string, number>>
}

export interface LogVerdict {
  readonly log: string | undefined
  readonly segments: number
  readonly bytes: number
  readonly commits: number
  /** First number held, and one more than the last. */
  readonly first: number
  readonly next: number
  /** Rows per stream before the first number held, as far as anything tells, and since the log was created. */
  readonly rowsBefore: Readonly<Record<string, number>>
  readonly rows: Readonly<Record<string, number>>
  readonly faults: readonly LogFault[]
  /** What an earlier repair has set aside. */
  readonly setAside: readonly LogFault[]
  /** Bytes at the end of the last segment that are no whole commit: never acknowledged, being written, or cut; nobody can tell. */
  readonly tailBytes: number
}

type FoundGroup = Extract<Surveyed, { kind: 'group' }>
type Loss = { -readonly [Key in keyof LogFault]: LogFault[Key] } & { rows: Record<string, number> }

/** Goes through everything of a log and says what is wrong with it; also beside a running Sluice. */
export function verifyLog(storage: Storage, folder: string): LogVerdict {
  const verifier = new Verifier(storage, folder)
  for (const found of surveyLog(storage, folder)) verifier.take(found)
  return verifier.finish()
}

class Verifier {
  readonly #storage: Storage
  readonly #folder: string
  readonly #faults: Loss[] = []
  readonly #setAside: Loss[] = []
  readonly #names = new Dictionary()
  /** Rows of series that had no name when they were met. */
  readonly #nameless = new Map<number, number>()
  #namesEnd = 0
  #log: string | undefined
  #segments = 0
  #bytes = 0
  #commits = 0
  #first: number | undefined
  #next: number | undefined
  #tailBytes = 0
  /** Rows of each stream before what comes next; of streams that are not in it none, once that is known. */
  readonly #rows = new Map<string, number>()
  #hasAllRows = false
  readonly #rowsBefore: Record<string, number> = {}
  /** Damage behind which no number has come yet. */
  #damage: Loss | undefined
  /** Where rows that turn out to be missing were lost: all places since the totals were last told, the last one first. */
  #suspects: Loss[] = []
  /** Gaps of numbers that may have been left out on purpose. */
  readonly #jumps = new Set<LogFault>()

  constructor(storage: Storage, folder: string) {
    this.#storage = storage
    this.#folder = folder
    for (const name of loadNames(storage, folder).names) this.#names.add(name)
  }

  take(found: Surveyed): void {
    const file = path.basename(found.segment.file)
    if (found.kind === 'segment') {
      this.#segments++
      this.#bytes += found.bytes
      this.#log = found.log ?? this.#log
      const { first } = found.segment
      if (this.#first === undefined && first === 0) this.#hasAllRows = true
      this.#first ??= first
      this.#meet(first, file, 0)
      // A file without anything is told as a gap, or is a beginning cut short.
      if (!found.hasHeader && found.bytes > 0)
        this.#faults.push(fault('header', file, 0, Math.min(64, found.bytes)))
    } else if (found.kind === 'damage') {
      this.#damage = fault('commits', file, found.offset, found.length)
      this.#faults.push(this.#damage)
    } else if (found.kind === 'tail') this.#tailBytes = found.length
    else if (found.kind === 'group') this.#takeGroup(found, file)
  }

  finish(): LogVerdict {
    this.#checkNames()
    return {
      log: this.#log,
      segments: this.#segments,
      bytes: this.#bytes,
      commits: this.#commits,
      first: this.#first ?? 0,
      next: this.#next ?? 0,
      rowsBefore: this.#rowsBefore,
      rows: Object.fromEntries(this.#rows),
      faults: this.#faults.filter((one) => !this.#jumps.has(one) || Object.keys(one.rows).length > 0),
      setAside: this.#setAside,
      tailBytes: this.#tailBytes,
    }
  }

  #takeGroup({ group, bytes, view, offset }: FoundGroup, file: string): void {
    const sections = [...readSections(view, group)]
    const checkpoint = sections.find(({ kind }) => kind === Kind.checkpoint)
    const totals = checkpoint && readCheckpoint(bytes, checkpoint)
    if (totals?.lostFrom !== undefined) {
      const loss = { ...fault('commits', file, offset, 0), from: totals.lostFrom, to: group.number }
      this.#setAside.push(loss)
      this.#suspects.unshift(loss)
      this.#next = group.number
    } else this.#meet(group.number, file, offset)
    if (totals) this.#takeTotals(totals)
    for (const section of sections) {
      if (section.kind === Kind.names)
        for (const name of readNames(bytes, view, section)) this.#names.add(name)
      else if (section.kind === Kind.totals) this.#told(readTotals(bytes, view, section), true)
      else this.#takeRows(bytes, section)
    }
    if (group.numbers > 0) this.#commits++
    this.#next = group.number + group.numbers
  }

  #takeTotals(totals: Totals): void {
    this.#log = totals.log
    this.#namesEnd = Math.max(this.#namesEnd, totals.namesEnd)
    this.#told(new Map(Object.entries(totals.rows)), true)
  }

  #takeRows(bytes: Uint8Array, section: Section): void {
    const stream = streamOf(bytes, section)
    if (stream === undefined) return
    this.#told(new Map([[stream, section.running]]), false)
    if (section.kind === Kind.edit) return
    this.#rows.set(stream, section.running + section.rows)
    if (section.kind !== Kind.readings) return
    const { series } = readReadings(bytes, section)
    for (const id of series) {
      if (this.#names.get(id) === undefined) this.#nameless.set(id, (this.#nameless.get(id) ?? 0) + 1)
    }
  }

  /** What comes next has this number. */
  #meet(number: number, file: string, offset: number): void {
    const from = this.#next ?? number
    const damage = this.#damage
    this.#damage = undefined
    this.#next = number
    if (number <= from) return
    const loss = damage ?? fault('gap', file, offset, 0)
    loss.from = from
    loss.to = number
    this.#suspects.unshift(loss)
    if (damage) return
    this.#faults.push(loss)
    if (number % numberJump === 0) this.#jumps.add(loss)
  }

  /** So many rows of these streams were written before; of other streams none, if these are all. */
  #told(totals: ReadonlyMap<string, number>, isAll: boolean): void {
    for (const [stream, total] of totals) {
      const isKnown = this.#hasAllRows || this.#rows.has(stream)
      if (!isKnown) this.#rowsBefore[stream] = total
      const lost = isKnown ? total - (this.#rows.get(stream) ?? 0) : 0
      if (lost > 0) this.#blame(stream, lost)
      this.#rows.set(stream, total)
    }
    if (!isAll) return
    this.#hasAllRows = true
    this.#suspects = []
  }

  /** Which of several places lost a row nobody knows: none lost more rows than numbers. */
  #blame(stream: string, rows: number): void {
    let left = rows
    for (const loss of this.#suspects) {
      const known = Object.values(loss.rows).reduce((sum, count) => sum + count, 0)
      const lost = Math.min(left, (loss.to ?? 0) - (loss.from ?? 0) - known)
      if (lost > 0) loss.rows[stream] = (loss.rows[stream] ?? 0) + lost
      left -= Math.max(0, lost)
    }
  }

  #checkNames(): void {
    const known = loadNames(this.#storage, this.#folder)
    const salt = saltIn(this.#storage, this.#folder)
    if (!covers(known, this.#namesEnd) || (known.salt !== undefined && known.salt !== salt)) {
      this.#faults.push(fault('names-file', namesFileName, 0, known.end))
    }
    let rows = 0
    for (const [id, count] of this.#nameless) if (this.#names.get(id) === undefined) rows += count
    if (rows > 0) this.#faults.push({ ...fault('names', namesFileName, 0, 0), rows: { readings: rows } })
  }
}

function fault(kind: FaultKind, file: string, offset: number, bytes: number): Loss {
  return { kind, file, offset, bytes, from: undefined, to: undefined, rows: {} }
}
