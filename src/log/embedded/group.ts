import zlib from 'node:zlib'
import type { Edit } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { DoorBooks } from '../../core/intake.ts'
import type { Changes, NewDocuments, NewReadings } from '../../core/log.ts'
import type { NewSeries } from '../../core/series.ts'
import type { TextColumn } from '../../core/text-column.ts'

/**
 * A commit group: everything of one commit, written and damaged as one. Little-endian, every part 8-aligned, so that
 * a reader can lay typed arrays over the bytes it read and a writer hands its columns to `writev` as they are.
 *
 *   0  u32  magic 'SLG1'
 *   4  u32  length of the group, header included, a multiple of 8
 *   8  u32  CRC-32 of bytes 12 … length, started with the log's salt; XOR `maskOf` its place in the segment, so that a disk that hands out one
 *           block for another hands out damage
 *  12  u16  format version (2; 1 had no totals, and no mask)
 *  14  u16  sections
 *  16  f64  number: the first number of the group
 *  24  f64  synced: every number below it was on disk before this group was written
 *  32  f64  time of writing, µs since 1970
 *  40  u32  numbers taken, at least one (so that a position tells every commit apart), or none for a checkpoint
 *  44  u32  age of the log in seconds, by a clock that only runs forward (retention goes by it)
 *  48  sections, one after the other:
 *
 *   0  u8   kind (see `Kind`)
 *   1  u8   which lazy columns follow (readings: 1 text, 2 extra)
 *   2  u16  bytes of the stream's name (documents)
 *   4  u32  length of the section, header included, a multiple of 8
 *   8  u32  rows
 *  12  u32  the first row's number, less the group's
 *  16  f64  running: rows of this stream before this section, since the log was created;
 *           of the books: one more than the highest series id given, so that no lost name's id is given again
 *  24  the section's columns
 *
 * Readings: time f64[n] · value f64[n] · series u32[n] · quality u8[n] · flags u8[n] · pad · text · extra.
 * Documents: stream name · pad · time f64[n] · key · body. A text column is offsets u32[n + 1] · pad · bytes · pad.
 * Totals: names of n streams, a line each · pad · f64[n], the rows of each before this group. It stands first, in every commit: who has passed
 * damage knows by the next group how many rows of which stream it took, those of a stream that has no row behind it too.
 * Numbers are doubles here: an embedded log ends before 2^53 (285 years at a million rows a second).
 */
export const groupMagic = 0x31474c53
export const groupHeaderBytes = 48
export const sectionHeaderBytes = 24
export const formatVersion = 2
/** Above any commit the intake forms; a length beyond it is damage. */
export const maxGroupBytes = 256 * 1024 * 1024

export const Kind = {
  readings: 1,
  documents: 2,
  names: 3,
  // 4 was for keyed values, which are documents now; older folders may hold some, and nobody ever set one.
  edit: 5,
  checkpoint: 6,
  books: 7,
  totals: 8,
} as const

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
if (!littleEndian)
  throw new Error('Sluice lays its columns on disk as they are in memory, and that is little-endian')

/** What a checkpoint carries, so that recovery needs the last segment only. */
export interface Totals {
  readonly log: string
  /** One more than the highest series id given. */
  readonly series: number
  /** All names of commits before stand in the names file below this offset. */
  readonly namesEnd: number
  /** Rows written per stream since the log was created. */
  readonly rows: Record<string, number>
  readonly books: DoorBooks
  readonly commits: number
  /** Times that the log was given another id; older folders do not tell. */
  readonly renewals?: number
  /** Where a repair has set damage aside: numbers from here up to the checkpoint's own are gone, and the totals count their rows. */
  readonly lostFrom?: number
}

/** What the writer adds to the changes of a commit. */
export interface GroupPlace {
  readonly number: number
  readonly synced: number
  readonly timeMicros: number
  readonly ageSeconds: number
  readonly salt: number
  /** One more than the highest series id given, this commit included. */
  readonly series: number
  /** Rows of each stream before this commit. */
  readonly rows: ReadonlyMap<string, number>
}

/** The bytes of a group, to be written one after the other. Column parts are views of the caller's memory. */
export interface EncodedGroup {
  readonly parts: readonly Uint8Array[]
  readonly length: number
  /** Numbers taken. */
  readonly numbers: number
  /** To be masked: `placeGroup`. */
  readonly crc: number
}

const zeros = new Uint8Array(8)
const utf8 = new TextEncoder()

export function encodeGroup(changes: Changes, place: GroupPlace): EncodedGroup {
  const group = new GroupBuilder()
  let numbers = 0
  group.section(Kind.totals, 0, place.rows.size, 0, 0, ...totalsParts(place.rows))
  if (changes.names.length > 0) {
    group.section(Kind.names, 0, changes.names.length, 0, 0, padded(encodeNames(changes.names)))
  }
  let readings = place.rows.get('readings') ?? 0
  if (changes.readings && changes.readings.length > 0) {
    const { length, text, extra } = changes.readings
    const columns = (text ? 1 : 0) | (extra ? 2 : 0)
    group.section(Kind.readings, columns, length, 0, readings, readingsParts(changes.readings))
    readings += length
    numbers += length
  }
  for (const edit of changes.edits) {
    group.section(Kind.edit, 0, 1, numbers, readings, padded(utf8.encode(JSON.stringify(edit))))
    numbers++
  }
  const earlier = new Map<string, number>()
  for (const documents of changes.documents) {
    if (documents.stream === 'readings')
      throw new SluiceError('internal', 'documents in the stream of readings')
    const name = utf8.encode(documents.stream)
    const before = earlier.get(documents.stream) ?? 0
    const running = (place.rows.get(documents.stream) ?? 0) + before
    group.section(
      Kind.documents,
      0,
      documents.length,
      numbers,
      running,
      documentsParts(documents, name),
      name.length,
    )
    earlier.set(documents.stream, before + documents.length)
    numbers += documents.length
  }
  group.section(Kind.books, 0, 0, 0, place.series, [encodeBooks(changes.books)])
  return group.finish(place, Math.max(numbers, 1))
}

/** The totals before it: the first group of every segment, and the last before a close. It takes no number. */
export function encodeCheckpoint(totals: Totals, place: Omit<GroupPlace, 'rows' | 'series'>): EncodedGroup {
  const group = new GroupBuilder()
  group.section(Kind.checkpoint, 0, 0, 0, 0, padded(utf8.encode(JSON.stringify(totals))))
  return group.finish(place, 0)
}

/** To be called before a group is written at that offset of a segment; again where it is written elsewhere. */
export function placeGroup({ parts, crc }: EncodedGroup, offset: number): void {
  const [header] = parts
  if (header) new DataView(header.buffer).setUint32(8, (crc ^ maskOf(offset)) >>> 0, true)
}

/** Another number for every place in a segment where a group can stand. */
export function maskOf(offset: number): number {
  return Math.imul(offset / 8, 0x9e3779b1)
}

class GroupBuilder {
  readonly #header = new Uint8Array(groupHeaderBytes)
  readonly #parts: Uint8Array[] = [this.#header]
  #sections = 0
  #length = groupHeaderBytes

  section(
    kind: number,
    columns: number,
    rows: number,
    first: number,
    running: number,
    body: readonly Uint8Array[],
    nameBytes = 0,
  ): void {
    const head = new Uint8Array(sectionHeaderBytes)
    const view = new DataView(head.buffer)
    let length = sectionHeaderBytes
    for (const part of body) length += part.length
    view.setUint8(0, kind)
    view.setUint8(1, columns)
    view.setUint16(2, nameBytes, true)
    view.setUint32(4, length, true)
    view.setUint32(8, rows, true)
    view.setUint32(12, first, true)
    view.setFloat64(16, running, true)
    this.#parts.push(head, ...body)
    this.#length += length
    this.#sections++
  }

  finish(place: Omit<GroupPlace, 'rows' | 'series'>, numbers: number): EncodedGroup {
    if (this.#length > maxGroupBytes) {
      throw new SluiceError('too-large', `a commit of ${this.#length} bytes; the log takes ${maxGroupBytes}`)
    }
    const view = new DataView(this.#header.buffer)
    view.setUint32(0, groupMagic, true)
    view.setUint32(4, this.#length, true)
    view.setUint16(12, formatVersion, true)
    view.setUint16(14, this.#sections, true)
    view.setFloat64(16, place.number, true)
    view.setFloat64(24, place.synced, true)
    view.setFloat64(32, place.timeMicros, true)
    view.setUint32(40, numbers, true)
    view.setUint32(44, place.ageSeconds, true)
    let crc = zlib.crc32(this.#header.subarray(12), place.salt)
    for (let i = 1; i < this.#parts.length; i++) crc = zlib.crc32(this.#parts[i] as Uint8Array, crc)
    return { parts: this.#parts, length: this.#length, numbers, crc }
  }
}

function totalsParts(rows: ReadonlyMap<string, number>): [parts: Uint8Array[], nameBytes: number] {
  const names = utf8.encode([...rows.keys()].join('\n'))
  const parts = padded(names)
  parts.push(bytesOf(Float64Array.from(rows.values()), rows.size))
  return [parts, names.length]
}

function readingsParts(readings: NewReadings): Uint8Array[] {
  const n = readings.length
  const parts = [
    bytesOf(readings.time, n),
    bytesOf(readings.value, n),
    bytesOf(readings.series, n),
    bytesOf(readings.quality, n),
    bytesOf(readings.flags, n),
  ]
  pad(parts, n * 22)
  if (readings.text) textParts(parts, readings.text, n)
  if (readings.extra) textParts(parts, readings.extra, n)
  return parts
}

function documentsParts(documents: NewDocuments, name: Uint8Array): Uint8Array[] {
  const parts = padded(name)
  parts.push(bytesOf(documents.time, documents.length))
  textParts(parts, documents.key, documents.length)
  textParts(parts, documents.body, documents.length)
  return parts
}

function textParts(parts: Uint8Array[], column: TextColumn, n: number): void {
  parts.push(bytesOf(column.offsets, n + 1))
  pad(parts, (n + 1) * 4)
  const bytes = column.bytes.subarray(0, column.offsets[n])
  parts.push(bytes)
  pad(parts, bytes.length)
}

function encodeNames(names: readonly NewSeries[]): Uint8Array {
  return joinRecords(
    names.map(({ id, device, metric, unit }) => {
      const texts = [utf8.encode(device), utf8.encode(metric), utf8.encode(unit)]
      const record = new Uint8Array(10 + texts.reduce((sum, text) => sum + text.length, 0))
      const view = new DataView(record.buffer)
      view.setUint32(0, id, true)
      let at = 10
      texts.forEach((text, i) => {
        if (text.length > 0xffff) throw new SluiceError('invalid-name', 'a name is longer than 65,535 bytes')
        view.setUint16(4 + i * 2, text.length, true)
        record.set(text, at)
        at += text.length
      })
      return record
    }),
  )
}

export const bookTerms = [
  'messagesReceived',
  'messagesAccepted',
  'messagesRefused',
  'messagesDeadLettered',
  'rowsReceived',
  'rowsAccepted',
  'rowsRefused',
  'rowsDeadLettered',
  'letterBytes',
] as const satisfies readonly (keyof DoorBooks)[]

function encodeBooks(books: DoorBooks): Uint8Array {
  const terms = new Float64Array(bookTerms.length)
  bookTerms.forEach((term, i) => {
    terms[i] = books[term]
  })
  return bytesOf(terms, terms.length)
}

function bytesOf(column: Float64Array | Uint32Array | Uint8Array, n: number): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, n * column.BYTES_PER_ELEMENT)
}

function joinRecords(records: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(records)
}

function padded(bytes: Uint8Array): Uint8Array[] {
  const parts = [bytes]
  pad(parts, bytes.length)
  return parts
}

function pad(parts: Uint8Array[], length: number): void {
  if (length % 8 !== 0) parts.push(zeros.subarray(0, 8 - (length % 8)))
}

export type EditFields = Pick<Edit, 'device' | 'metric' | 'from' | 'to' | 'patch'>
