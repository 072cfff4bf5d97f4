import zlib from 'node:zlib'
import type { DoorBooks } from '../../core/intake.ts'
import type { NewSeries } from '../../core/series.ts'
import { SluiceError } from '../../core/errors.ts'
import type { TextColumn } from '../../core/text-column.ts'
import {
  bookTerms,
  type EditFields,
  formatVersion,
  groupHeaderBytes,
  groupMagic,
  Kind,
  maskOf,
  maxGroupBytes,
  sectionHeaderBytes,
  type Totals,
} from './group.ts'

/** A group found in bytes; the drawing stands over `encodeGroup`. Offsets are into the buffer it was found in. */
export interface Group {
  readonly at: number
  readonly length: number
  readonly number: number
  readonly synced: number
  readonly timeMicros: number
  readonly ageSeconds: number
  /** Numbers taken: the next group starts at `number + numbers` or later. */
  readonly numbers: number
  readonly sections: number
}

export interface Section {
  readonly kind: number
  readonly columns: number
  readonly nameBytes: number
  /** Of the section's header. */
  readonly at: number
  readonly length: number
  readonly rows: number
  /** The first row's number. */
  readonly number: number
  readonly running: number
}

/** Where a group's header says it ends, or undefined if there is no header at `at`. `end` is how far the buffer is filled. */
export function groupLength(view: DataView, at: number, end: number): number | undefined {
  if (at + groupHeaderBytes > end || view.getUint32(at, true) !== groupMagic) return undefined
  const length = view.getUint32(at + 4, true)
  if (length < groupHeaderBytes || length % 8 !== 0 || length > maxGroupBytes) return undefined
  return length
}

/**
 * The group at `at`, whole, undamaged and written for that `offset` of its segment, or undefined. Throws `log-version` for one that a newer
 * Sluice wrote.
 */
export function readGroup(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  end: number,
  salt: number,
  offset = 0,
): Group | undefined {
  const length = groupLength(view, at, end)
  if (length === undefined || at + length > end) return undefined
  const version = view.getUint16(at + 12, true)
  const crc = zlib.crc32(bytes.subarray(at + 12, at + length), salt) ^ (version > 1 ? maskOf(offset) : 0)
  if (crc >>> 0 !== view.getUint32(at + 8, true)) return undefined
  if (version > formatVersion)
    throw new SluiceError(
      'log-version',
      `the log has groups of format ${version}, this Sluice reads ${formatVersion}`,
    )
  return {
    at,
    length,
    number: view.getFloat64(at + 16, true),
    synced: view.getFloat64(at + 24, true),
    timeMicros: view.getFloat64(at + 32, true),
    numbers: view.getUint32(at + 40, true),
    ageSeconds: view.getUint32(at + 44, true),
    sections: view.getUint16(at + 14, true),
  }
}

export function* readSections(view: DataView, group: Group): Generator<Section> {
  let at = group.at + groupHeaderBytes
  for (let i = 0; i < group.sections; i++) {
    const length = view.getUint32(at + 4, true)
    yield {
      kind: view.getUint8(at),
      columns: view.getUint8(at + 1),
      nameBytes: view.getUint16(at + 2, true),
      at,
      length,
      rows: view.getUint32(at + 8, true),
      number: group.number + view.getUint32(at + 12, true),
      running: view.getFloat64(at + 16, true),
    }
    at += length
  }
}

/** Columns laid over the bytes: valid as long as the buffer is not refilled. */
export interface ReadingsColumns {
  readonly time: Float64Array
  readonly value: Float64Array
  readonly series: Uint32Array
  readonly quality: Uint8Array
  readonly flags: Uint8Array
  readonly text: TextColumn | undefined
  readonly extra: TextColumn | undefined
}

export function readReadings(bytes: Uint8Array, section: Section): ReadingsColumns {
  const n = section.rows
  const buffer = bytes.buffer
  const at = bytes.byteOffset + section.at + sectionHeaderBytes
  let next = section.at + sectionHeaderBytes + roundUp(22 * n)
  const lazy = (bit: number) => {
    if ((section.columns & bit) === 0) return undefined
    const [column, end] = readText(bytes, next, n)
    next = end
    return column
  }
  return {
    time: new Float64Array(buffer, at, n),
    value: new Float64Array(buffer, at + 8 * n, n),
    series: new Uint32Array(buffer, at + 16 * n, n),
    quality: new Uint8Array(buffer, at + 20 * n, n),
    flags: new Uint8Array(buffer, at + 21 * n, n),
    text: lazy(1),
    extra: lazy(2),
  }
}

export interface DocumentsColumns {
  readonly time: Float64Array
  readonly key: TextColumn
  readonly body: TextColumn
}

export function readDocuments(bytes: Uint8Array, section: Section): DocumentsColumns {
  const at = section.at + sectionHeaderBytes + roundUp(section.nameBytes)
  const time = new Float64Array(bytes.buffer, bytes.byteOffset + at, section.rows)
  const [key, afterKey] = readText(bytes, at + 8 * section.rows, section.rows)
  const [body] = readText(bytes, afterKey, section.rows)
  return { time, key, body }
}

/** The stream whose rows a section holds, or undefined for a section without rows. Edits are part of `readings`. */
export function streamOf(bytes: Uint8Array, section: Section): string | undefined {
  if (section.kind === Kind.readings || section.kind === Kind.edit) return 'readings'
  if (section.kind !== Kind.documents) return undefined
  const at = section.at + sectionHeaderBytes
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, section.nameBytes).toString('utf8')
}

export function readEdit(bytes: Uint8Array, section: Section): EditFields {
  // Our own writer's JSON, and the group's CRC has been checked.
  return JSON.parse(sectionText(bytes, section)) as EditFields
}

export function readCheckpoint(bytes: Uint8Array, section: Section): Totals {
  return JSON.parse(sectionText(bytes, section)) as Totals
}

/** Rows of each stream before the group. */
export function readTotals(bytes: Uint8Array, view: DataView, section: Section): Map<string, number> {
  const at = section.at + sectionHeaderBytes
  const names = Buffer.from(bytes.buffer, bytes.byteOffset + at, section.nameBytes).toString('utf8')
  const counts = at + roundUp(section.nameBytes)
  const rows = new Map<string, number>()
  if (section.rows === 0) return rows
  for (const [i, name] of names.split('\n').entries()) rows.set(name, view.getFloat64(counts + 8 * i, true))
  return rows
}

export function readBooks(view: DataView, section: Section): DoorBooks {
  const term = (name: (typeof bookTerms)[number]) =>
    view.getFloat64(section.at + sectionHeaderBytes + 8 * bookTerms.indexOf(name), true)
  return {
    messagesReceived: term('messagesReceived'),
    messagesAccepted: term('messagesAccepted'),
    messagesRefused: term('messagesRefused'),
    messagesDeadLettered: term('messagesDeadLettered'),
    rowsReceived: term('rowsReceived'),
    rowsAccepted: term('rowsAccepted'),
    rowsRefused: term('rowsRefused'),
    rowsDeadLettered: term('rowsDeadLettered'),
    letterBytes: term('letterBytes'),
  }
}

export function readNames(bytes: Uint8Array, view: DataView, section: Section): NewSeries[] {
  const names: NewSeries[] = []
  let at = section.at + sectionHeaderBytes
  const text = (length: number) => {
    at += length
    return Buffer.from(bytes.buffer, bytes.byteOffset + at - length, length).toString('utf8')
  }
  for (let i = 0; i < section.rows; i++) {
    const id = view.getUint32(at, true)
    const lengths = [
      view.getUint16(at + 4, true),
      view.getUint16(at + 6, true),
      view.getUint16(at + 8, true),
    ] as const
    at += 10
    names.push({ id, device: text(lengths[0]), metric: text(lengths[1]), unit: text(lengths[2]) })
  }
  return names
}

function readText(bytes: Uint8Array, at: number, n: number): [TextColumn, number] {
  const offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + at, n + 1)
  const start = at + roundUp((n + 1) * 4)
  const length = offsets[n] ?? 0
  return [{ offsets, bytes: bytes.subarray(start, start + length) }, start + roundUp(length)]
}

function sectionText(bytes: Uint8Array, section: Section): string {
  const from = bytes.byteOffset + section.at + sectionHeaderBytes
  return Buffer.from(bytes.buffer, from, section.length - sectionHeaderBytes)
    .toString('utf8')
    .replace(/\0+$/, '')
}

function roundUp(length: number): number {
  return (length + 7) & ~7
}
