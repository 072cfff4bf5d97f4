import type { Batch } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { ConsumeOptions, Delivery, Passed } from '../../core/log.ts'
import type { Position } from '../../core/position.ts'
import type { Storage } from '../../lib/storage.ts'
import { wait } from '../../lib/wait.ts'
import { Dictionary } from './dictionary.ts'
import { Kind } from './group.ts'
import {
  type ReadingsColumns,
  readCheckpoint,
  readDocuments,
  readEdit,
  readNames,
  readReadings,
  readSections,
  readTotals,
  type Section,
  streamOf,
} from './group-reader.ts'
import { type Damage, type FoundGroup, GroupWalk, segmentsUpTo } from './group-walk.ts'
import { DocumentsJoiner, fitting, ReadingsJoiner } from './joiner.ts'
import { loadNames } from './names-file.ts'
import { scanFrom } from './recovery.ts'
import { findSalt } from './segment.ts'
import type { Watermark } from './writer.ts'

/** Tells a reader, in whatever thread or process it runs, how far the log is durable. */
export interface Tail {
  watermark(): Watermark
  /** Resolves when numbers beyond `next` are durable, or when the signal aborts. */
  beyond(next: number, signal: AbortSignal): Promise<void>
}

export interface ReaderPlace {
  readonly storage: Storage
  readonly folder: string
  readonly log: string
  readonly tail: Tail
  /** Told of damage that a reader passes; several pass the same. */
  readonly onDamage?: (damage: Damage) => void
}

/**
 * Yields a stream's batches by reading segments, in order, up to the watermark: the files are the only way from log to sinks, so
 * what a sink gets is what a restart would give it. A batch is valid until the next one is asked for.
 */
export async function* readStream(
  place: ReaderPlace,
  stream: string,
  options: ConsumeOptions,
  onAck: (next: number) => void,
  signal: AbortSignal,
): AsyncGenerator<Delivery> {
  const reader = new StreamReader(place, stream, options)
  let acked = reader.yielded
  try {
    while (!signal.aborted) {
      if (options.until !== undefined && reader.yielded >= options.until) return
      const batch = reader.next()
      if (!batch) {
        // The rest of the log is of other streams: it need not be kept for us once all of ours is held.
        if (acked >= reader.yielded) {
          onAck(reader.seen)
          if (options.onPassed && reader.isSure) await options.onPassed(reader.passed())
        }
        if (options.until !== undefined && reader.seen >= options.until) return
        await place.tail.beyond(reader.seen, signal)
        if (options.lingerMs > 0) await wait(options.lingerMs, signal)
        continue
      }
      const next = Number(batch.to.next)
      const ack = () => {
        acked = Math.max(acked, next)
        onAck(next)
      }
      yield { ...batch, ack }
      if (options.restMs !== undefined) await wait(options.restMs, signal)
    }
  } finally {
    reader.close()
  }
}

type Pulled = Omit<Delivery, 'ack'>

/** Beyond so many bytes of texts or documents a batch takes no more rows: `maxRows` says nothing about their size. */
const maxBatchBytes = 8 * 1024 * 1024
/** What a reader of documents knows of names: it needs none. */
const noNames = { names: [], end: Number.POSITIVE_INFINITY, isDamaged: false, salt: undefined }

/** The synchronous heart: one call, one batch, or undefined at the end of what is durable. */
class StreamReader {
  /** Everything of the stream below has been yielded. */
  yielded: number
  readonly #place: ReaderPlace
  readonly #stream: string
  readonly #maxRows: number
  readonly #names = new Dictionary()
  readonly #joiner: ReadingsJoiner | DocumentsJoiner
  readonly #walk: GroupWalk
  /** Rows below are skipped: the sink has them. */
  readonly #start: number
  /** Rows of the stream that were taken, or counted as lost, below the start, if that is known. */
  readonly #takenBefore: number | undefined
  /** The log begins here for whoever has no position: rows below were removed before it came. */
  readonly #first: number
  /** The group being taken apart, the sections left of it, and how many rows of the first have been taken. */
  #found: FoundGroup | undefined
  #sections: Section[] = []
  #taken = 0
  /** Rows of the stream up to here, as the running counts tell, and the number after the last of them. */
  #counted: { readonly running: number; readonly next: number } | undefined
  /** Running count before the batch being joined, and the number after its last row. */
  #batchRunning = 0
  #batchNext = 0
  #damaged = 0
  #expired = 0
  /** After damage, until a group tells how many of our rows it took. */
  #isDoubtful = false
  /** What the log had counted of the stream when everything of it had been looked at; undefined while there is more. */
  #rowsAtEnd: number | undefined
  /** One more than the highest series id given so far, and when that last made us look for names in their file. */
  #series = 0
  #soughtNamesAt = 0

  constructor(place: ReaderPlace, stream: string, options: ConsumeOptions) {
    const { storage, folder, log, tail } = place
    this.#place = place
    this.#stream = stream
    this.#maxRows = options.maxRows
    const position = options.from?.log === log ? options.from : undefined
    this.#start = Number(position?.next ?? 0)
    this.yielded = this.#start
    const mark = tail.watermark()
    if (this.#start > mark.next) {
      throw new SluiceError(
        'log-behind',
        `the log ends at ${mark.next}, and ${stream} has been taken up to ${this.#start}`,
      )
    }
    const known = stream === 'readings' ? loadNames(storage, folder) : noNames
    for (const name of known.names) this.#names.add(name)
    this.#joiner =
      stream === 'readings' ? new ReadingsJoiner(this.#names, options.maxRows) : new DocumentsJoiner(stream)
    const segments = segmentsUpTo(storage, folder, mark)
    const salt = findSalt(storage, segments) ?? loadNames(storage, folder).salt ?? 0
    const from = segments[scanFrom(storage, segments, salt, known, this.#start)]
    this.#first = position === undefined ? (from?.first ?? 0) : 0
    const { taken } = options
    this.#takenBefore = taken
    // The segment of the position may be gone: then the rows that are missing show against what was taken before.
    if (taken !== undefined) this.#counted = { running: taken, next: this.#start }
    else if (from?.first === 0) this.#counted = { running: 0, next: 0 }
    this.#walk = new GroupWalk(
      storage,
      folder,
      salt,
      () => tail.watermark(),
      from,
      (damage) => {
        this.#isDoubtful = true
        place.onDamage?.(damage)
      },
    )
  }

  /** Everything of the log below has been looked at. */
  get seen(): number {
    return this.#walk.seen
  }

  /** False while nobody knows whether damage has taken rows of ours. */
  get isSure(): boolean {
    return !this.#isDoubtful
  }

  /** To be handed over: what it counts is not told again. */
  passed(): Passed {
    const position = this.#position(this.seen)
    return { position, running: this.#counted?.running, ...this.#takeLost() }
  }

  next(): Pulled | undefined {
    this.#joiner.start()
    this.#skipForeign()
    for (;;) {
      const section = this.#nextSection()
      if (!section) return this.#flush()
      if (section.kind === Kind.checkpoint || section.kind === Kind.totals) {
        // What is lost before it must not be told with rows that lie before that.
        if (this.#missing(section) > 0 && this.#joiner.length > 0) return this.#flush()
        this.#meet(section)
        this.#count(section.running, section.number)
        this.#sections.shift()
        continue
      }
      if (section.kind === Kind.edit) {
        // An edit concerns the rows before it: they leave first.
        return this.#joiner.length > 0 ? this.#flush() : this.#edit(section)
      }
      if (!this.#joiner.fits(section.number + section.rows)) return this.#flush()
      this.#take(section)
      const { length, bytes } = this.#joiner
      if (length >= this.#maxRows || bytes >= maxBatchBytes) return this.#flush()
    }
  }

  close(): void {
    this.#walk.close()
  }

  #edit(section: Section): Pulled {
    const { number, running } = section
    const { device, metric, from, to, patch } = readEdit(this.#bytes(), section)
    this.#meet(section)
    this.#count(running, number + 1)
    this.#sections.shift()
    const edit = { kind: 'edit', length: 1, row: undefined, device, metric, from, to, patch } as const
    return this.#pulled({ ...edit, base: BigInt(number) }, number + 1, running)
  }

  /** Joins as many rows of the first section as there is room for. */
  #take(section: Section): void {
    const { number, rows, running } = section
    if (this.#taken === 0) {
      this.#meet(section)
      this.#count(running + rows, number + rows)
      this.#taken = Math.max(0, this.#start - number)
    }
    const from = this.#taken
    const most = Math.min(rows, from + this.#maxRows - this.#joiner.length)
    const room = maxBatchBytes - this.#joiner.bytes
    let to: number
    if (this.#joiner instanceof ReadingsJoiner) {
      const columns = readReadings(this.#bytes(), section)
      to = fitting([columns.text, columns.extra], from, most, room)
      this.#takeReadings(this.#joiner, columns, section, from, to)
    } else {
      const columns = readDocuments(this.#bytes(), section)
      to = fitting([columns.key, columns.body], from, most, room)
      this.#begin(section, from)
      this.#joiner.add(columns, number, from, to)
    }
    this.#batchNext = number + to
    this.#taken = to
    if (to < rows) return
    this.#sections.shift()
    this.#taken = 0
  }

  #takeReadings(
    joiner: ReadingsJoiner,
    columns: ReadingsColumns,
    section: Section,
    from: number,
    to: number,
  ): void {
    if (this.#hasAllNames()) {
      this.#begin(section, from)
      joiner.add(columns, section.number, from, to)
      return
    }
    // Damage has taken the names of some series: a row that nobody can attribute is damaged too.
    for (let i = from; i < to; ) {
      const known = i
      while (i < to && this.#isNamed(columns, i)) i++
      if (i > known) {
        this.#begin(section, known)
        joiner.add(columns, section.number, known, i)
      }
      for (; i < to && !this.#isNamed(columns, i); i++) this.#damaged++
    }
  }

  #isNamed({ series }: ReadingsColumns, row: number): boolean {
    return this.#names.get(series[row] as number) !== undefined
  }

  #begin(section: Section, row: number): void {
    if (this.#joiner.length === 0) this.#batchRunning = section.running + row
  }

  /**
   * Most of a log are readings: a reader of documents that has been at its end need not go through those that came since, if none of its own
   * stream did. Only what the log has counted since then can tell: recovery may have counted less than a sink was handed, or than an
   * earlier run wrote, where damage took rows. A reader of readings must go through all: edits and names do not count.
   */
  #skipForeign(): void {
    if (this.#rowsAtEnd === undefined || !(this.#joiner instanceof DocumentsJoiner)) return
    const mark = this.#place.tail.watermark()
    if (this.#rowsAtEnd === this.#rowsAt(mark)) this.#walk.skipTo(mark)
    else this.#rowsAtEnd = undefined
  }

  #rowsAt({ rows }: Watermark): number {
    return rows[this.#stream] ?? 0
  }

  /** Counts the rows that are missing before a section. Those below our start have been counted by whoever got that far. */
  #meet(section: Section): void {
    const missing = this.#missing(section)
    if (!this.#counted || missing === 0) return
    const { next } = this.#counted
    const most = section.number - Math.max(this.#start, next)
    const lost = Math.min(missing, Math.max(0, most))
    const expired = Math.min(lost, Math.max(0, this.#first - next))
    this.#expired += expired
    this.#damaged += lost - expired
  }

  /** Rows of the stream that a section says were before it, and that have not come. */
  #missing({ running }: Section): number {
    if (!this.#counted) return 0
    const { running: before, next } = this.#counted
    // Of what was lost on both sides of our start, the rows below were taken while they were whole: the log does not know that.
    return Math.max(0, running - (next < this.#start ? (this.#takenBefore ?? before) : before))
  }

  #count(running: number, next: number): void {
    this.#counted = { running, next }
    this.#isDoubtful = false
  }

  #takeLost(): { damaged: number; expired: number } {
    const lost = { damaged: this.#damaged, expired: this.#expired }
    this.#damaged = 0
    this.#expired = 0
    return lost
  }

  #hasAllNames(): boolean {
    if (!this.#names.isWhole(this.#series) && this.#soughtNamesAt !== this.#series) {
      this.#soughtNamesAt = this.#series
      for (const name of loadNames(this.#place.storage, this.#place.folder).names) this.#names.add(name)
    }
    return this.#names.isWhole(this.#series)
  }

  #flush(): Pulled | undefined {
    if (this.#joiner.length === 0) return undefined
    return this.#pulled(this.#joiner.batch(), this.#batchNext, this.#batchRunning)
  }

  #pulled(batch: Batch, next: number, running: number): Pulled {
    const from = this.#position(this.yielded)
    this.yielded = next
    return { batch, from, to: this.#position(next), running, ...this.#takeLost() }
  }

  #position(next: number): Position {
    return { log: this.#place.log, partition: 0, next: BigInt(next) }
  }

  /** The next section of our stream that has rows beyond the start, or that tells totals; it stays the first of `#sections` until it is used up. */
  #nextSection(): Section | undefined {
    for (;;) {
      const section = this.#sections[0]
      if (section) return section
      const found = this.#walk.next()
      if (!found) {
        this.#rowsAtEnd = this.#rowsAt(this.#place.tail.watermark())
        return undefined
      }
      this.#found = found
      this.#sections = this.#ours(found)
    }
  }

  #ours({ group, bytes, view }: FoundGroup): Section[] {
    const sections: Section[] = []
    for (const section of readSections(view, group)) {
      const { kind, number, rows, running } = section
      if (kind === Kind.names && this.#stream === 'readings') {
        for (const name of readNames(bytes, view, section)) this.#names.add(name)
      } else if (kind === Kind.books) {
        this.#series = Math.max(this.#series, running)
      } else if (kind === Kind.checkpoint) {
        const total = readCheckpoint(bytes, section).rows[this.#stream] ?? 0
        const isOurs = number > this.#start || this.#takenBefore === undefined
        if (isOurs) sections.push({ ...section, running: total })
        else if (number < this.#start) this.#count(total, number)
      } else if (kind === Kind.totals) {
        if (!this.#isDoubtful) continue
        const total = readTotals(bytes, view, section).get(this.#stream) ?? 0
        if (number > this.#start) sections.push({ ...section, running: total })
        else this.#count(total, number)
      } else if (streamOf(bytes, section) === this.#stream) {
        if (number + rows > this.#start) sections.push(section)
        else this.#count(kind === Kind.edit ? running : running + rows, number + rows)
      }
    }
    return sections
  }

  #bytes(): Uint8Array {
    // Sections are only ever those of a group that was found.
    return (this.#found as FoundGroup).bytes
  }
}
