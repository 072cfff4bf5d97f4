import type { Batch } from '../../core/batch.ts'
import type { ConsumeOptions, Delivery } from '../../core/log.ts'
import type { Position } from '../../core/position.ts'
import type { Storage, StorageFile } from '../../lib/storage.ts'
import { wait } from '../../lib/wait.ts'
import { Dictionary } from './dictionary.ts'
import { loadNames } from './dictionary-file.ts'
import { Kind } from './group.ts'
import {
  readCheckpoint,
  readDocuments,
  readEdit,
  readNames,
  readReadings,
  readSections,
  type Section,
  streamOf,
} from './group-reader.ts'
import { DocumentsJoiner, ReadingsJoiner } from './joiner.ts'
import { type Found, SegmentScanner } from './scan.ts'
import { listSegments, readSegmentHeader, type Segment } from './segment.ts'
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
  try {
    while (!signal.aborted) {
      const batch = reader.next()
      if (!batch) {
        onAck(reader.reached)
        await place.tail.beyond(reader.place, signal)
        if (options.lingerMs > 0) await wait(options.lingerMs, signal)
        continue
      }
      const { to } = batch
      yield { ...batch, ack: () => onAck(Number(to.next)) }
    }
  } finally {
    reader.close()
  }
}

type Pulled = Omit<Delivery, 'ack'>

/** The synchronous heart: one call, one batch, or undefined at the end of what is durable. */
class StreamReader {
  readonly #place: ReaderPlace
  readonly #stream: string
  readonly #maxRows: number
  readonly #names = new Dictionary()
  readonly #joiner: ReadingsJoiner | DocumentsJoiner
  /** Rows below are skipped: the sink has them. */
  readonly #start: number
  #segment: Segment | undefined
  #file: StorageFile | undefined
  /** Size of the segment, once nothing more is written to it. */
  #closedBytes: number | undefined
  /** The segment after this one, once it has been seen. */
  #next: Segment | undefined
  #scanner: SegmentScanner | undefined
  /** The group being taken apart and what is left of it. */
  #sections: { found: Extract<Found, { kind: 'group' }>; rest: Section[] } | undefined
  /** Everything of the stream below has been yielded. */
  #yielded: number
  /** Everything of the log below has been looked at. */
  #seen = 0
  /** Running count that the stream's next section should have. */
  #expected: number | undefined
  /** Running count before the batch being joined, and the number after its last row. */
  #batchRunning = 0
  #lastTaken = 0
  #damaged = 0

  constructor(place: ReaderPlace, stream: string, options: ConsumeOptions) {
    this.#place = place
    this.#stream = stream
    this.#maxRows = options.maxRows
    this.#start = options.from?.log === place.log ? Number(options.from.next) : 0
    this.#yielded = this.#start
    const known = loadNames(place.storage, place.folder)
    for (const name of known.names) this.#names.add(name)
    this.#joiner =
      stream === 'readings' ? new ReadingsJoiner(this.#names, options.maxRows) : new DocumentsJoiner(stream)
    const from = Math.min(this.#start, known.covers)
    const segments = listSegments(place.storage, place.folder)
    this.#open(segments.findLast((segment) => segment.first <= from) ?? segments[0])
  }

  /** How far the stream has been yielded; at the end of what is durable, how far the whole log has been looked at. */
  get reached(): number {
    return Math.max(this.#yielded, this.#seen)
  }

  get place(): number {
    return this.#seen
  }

  next(): Pulled | undefined {
    this.#joiner.start()
    for (;;) {
      const section = this.#nextSection()
      if (!section) return this.#flush()
      const { found } = section
      if (section.of.kind === Kind.edit) {
        const flushed = this.#flush()
        if (flushed) {
          this.#sections?.rest.unshift(section.of)
          return flushed
        }
        const { number, running } = section.of
        const edit = {
          kind: 'edit',
          length: 1,
          base: BigInt(number),
          row: undefined,
          ...readEdit(found.bytes, section.of),
        } as const
        return this.#pulled({ ...edit, metric: edit.metric, patch: edit.patch }, number + 1, running)
      }
      const { number, rows } = section.of
      if (!this.#joiner.fits(number + rows)) {
        this.#sections?.rest.unshift(section.of)
        return this.#flush()
      }
      this.#take(section.of, found.bytes)
      if (this.#joiner.length >= this.#maxRows) return this.#flush()
    }
  }

  close(): void {
    this.#file?.close()
    this.#file = undefined
  }

  #take(section: Section, bytes: Uint8Array): void {
    const skip = Math.max(0, this.#start - section.number)
    if (this.#expected !== undefined && section.running > this.#expected)
      this.#damaged += section.running - this.#expected
    if (this.#joiner.length === 0) this.#batchRunning = section.running + skip
    if (this.#joiner instanceof ReadingsJoiner)
      this.#joiner.add(readReadings(bytes, section), section.number, skip, section.rows)
    else this.#joiner.add(readDocuments(bytes, section), section.number, skip, section.rows)
    this.#expected = section.running + section.rows
    this.#lastTaken = section.number + section.rows
  }

  #flush(): Pulled | undefined {
    if (this.#joiner.length === 0) return undefined
    return this.#pulled(this.#joiner.batch(), this.#lastTaken, this.#batchRunning)
  }

  #pulled(batch: Batch, next: number, running: number): Pulled {
    const from = this.#position(this.#yielded)
    const damaged = this.#damaged
    this.#damaged = 0
    this.#yielded = next
    return { batch, from, to: this.#position(next), running, damaged }
  }

  #position(next: number): Position {
    return { log: this.#place.log, partition: 0, next: BigInt(next) }
  }

  /** The next section of our stream that has rows beyond the start. */
  #nextSection(): { of: Section; found: Extract<Found, { kind: 'group' }> } | undefined {
    for (;;) {
      const open = this.#sections
      const section = open?.rest.shift()
      if (open && section) return { of: section, found: open.found }
      const found = this.#nextGroup()
      if (!found) return undefined
      this.#sections = { found, rest: this.#interesting(found) }
    }
  }

  #interesting(found: Extract<Found, { kind: 'group' }>): Section[] {
    const sections: Section[] = []
    for (const section of readSections(found.view, found.group)) {
      if (section.kind === Kind.names) {
        for (const name of readNames(found.bytes, found.view, section)) this.#names.add(name)
      } else if (section.kind === Kind.checkpoint) {
        this.#meet(readCheckpoint(found.bytes, section).rows[this.#stream] ?? 0)
      } else if (streamOf(found.bytes, section) === this.#stream) {
        if (section.number + section.rows > this.#start) sections.push(section)
        else if (section.kind !== Kind.edit) this.#expected = section.running + section.rows
      }
    }
    return sections
  }

  /** A checkpoint says how many rows there were before it: what is missing at the end of the segment before shows here. */
  #meet(running: number): void {
    if (this.#expected !== undefined && running > this.#expected && this.#seen > this.#start) {
      this.#damaged += running - this.#expected
    }
    this.#expected = running
  }

  /** The next whole group below the watermark; goes from segment to segment. */
  #nextGroup(): Extract<Found, { kind: 'group' }> | undefined {
    const mark = this.#place.tail.watermark()
    for (;;) {
      const { first, attempt } = this.#segment ?? { first: -1, attempt: -1 }
      const isWritten = first === mark.segment.first && attempt === mark.segment.attempt
      if (!isWritten) this.#closedBytes ??= this.#file?.size() ?? 0
      const found = this.#scanner?.next(isWritten ? mark.end : (this.#closedBytes ?? 0))
      if (found?.kind === 'damage') continue
      const limit = isWritten ? Number.POSITIVE_INFINITY : this.#following(first, attempt)?.first
      if (found && limit !== undefined && found.group.number < limit) {
        this.#seen = Math.max(this.#seen, found.group.number + found.group.numbers)
        return found
      }
      if (isWritten) {
        this.#seen = Math.max(this.#seen, mark.next)
        return undefined
      }
      const following = this.#following(first, attempt)
      if (!following) return undefined
      this.#open(following)
    }
  }

  #following(first: number, attempt: number): Segment | undefined {
    if (this.#next && this.#segment?.first === first && this.#segment.attempt === attempt) return this.#next
    this.#next = listSegments(this.#place.storage, this.#place.folder).find(
      (segment) => segment.first > first || (segment.first === first && segment.attempt > attempt),
    )
    return this.#next
  }

  #open(segment: Segment | undefined): void {
    this.close()
    this.#segment = segment
    this.#next = undefined
    this.#closedBytes = undefined
    this.#scanner = undefined
    if (!segment) return
    this.#file = this.#place.storage.open(segment.file, 'read')
    // A damaged header costs nothing: the groups say who they are.
    if (readSegmentHeader(this.#file) !== 'newer') this.#scanner = new SegmentScanner(this.#file)
  }
}
