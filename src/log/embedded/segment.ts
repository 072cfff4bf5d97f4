import path from 'node:path'
import zlib from 'node:zlib'
import type { Storage, StorageFile } from '../../lib/storage.ts'

/**
 * A segment is a file of commit groups, named `<first number, 16 digits>-<attempt>.seg` so that names sort as numbers do.
 * It counts only below the first number of the next one: when a write or sync fails, the commit is written again
 * in a new segment that begins at the failed commit's number, and whatever the old file holds of it is void.
 *
 *   0  8 bytes  'SLUICE01' (the last two digits are the version of this layout)
 *   8  36 bytes log id (UUID as text)
 *  44  u32      0
 *  48  f64      first number
 *  56  u32      salt
 *  60  u32      CRC-32 of bytes 0 … 60, in every version
 *  64  groups
 *
 * The salt is a random number of the log that starts the CRC of every group. It is never told to anybody, so that bytes a sender
 * put into a document cannot pass for a group where the search for one goes through damage.
 */
export const segmentHeaderBytes = 64
const magic = 'SLUICE01'

export interface Segment {
  readonly file: string
  readonly first: number
  readonly attempt: number
}

export interface SegmentHeader {
  readonly log: string
  readonly first: number
  readonly salt: number
}

export function segmentFile(folder: string, first: number, attempt: number): Segment {
  return { file: path.join(folder, `${String(first).padStart(16, '0')}-${attempt}.seg`), first, attempt }
}

/** The segments of a folder in order. Files of other names are none. */
export function listSegments(storage: Storage, folder: string): Segment[] {
  const segments: Segment[] = []
  for (const name of storage.list(folder)) {
    const match = /^(\d{16})-(\d+)\.seg$/.exec(name)
    if (match)
      segments.push({ file: path.join(folder, name), first: Number(match[1]), attempt: Number(match[2]) })
  }
  return segments.sort((a, b) => a.first - b.first || a.attempt - b.attempt)
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderBytes)
  new TextEncoder().encodeInto(magic + header.log, bytes)
  const view = new DataView(bytes.buffer)
  view.setFloat64(48, header.first, true)
  view.setUint32(56, header.salt, true)
  view.setUint32(60, zlib.crc32(bytes.subarray(0, 60)), true)
  return bytes
}

/** The header of a segment, undefined where it is damaged, 'newer' where it is whole and of a kind that only a newer Sluice knows. */
export function readSegmentHeader(file: StorageFile): SegmentHeader | 'newer' | undefined {
  const bytes = new Uint8Array(segmentHeaderBytes)
  if (file.read(bytes, 0) < segmentHeaderBytes) return undefined
  const view = new DataView(bytes.buffer)
  if (zlib.crc32(bytes.subarray(0, 60)) !== view.getUint32(60, true)) return undefined
  const text = new TextDecoder('latin1').decode(bytes)
  if (!text.startsWith(magic)) return /^SLUICE\d\d/.test(text) ? 'newer' : undefined
  return { log: text.slice(8, 44), first: view.getFloat64(48, true), salt: view.getUint32(56, true) }
}

/** The salt of a log, which every segment's header holds: any whole one will do. */
export function findSalt(storage: Storage, segments: readonly Segment[]): number | undefined {
  for (const segment of segments.toReversed()) {
    const file = openSegment(storage, segment)
    try {
      const header = file && readSegmentHeader(file)
      if (typeof header === 'object') return header.salt
    } finally {
      file?.close()
    }
  }
  return undefined
}

/** The file of a segment to read, undefined if retention has removed it meanwhile. */
export function openSegment(storage: Storage, segment: Segment): StorageFile | undefined {
  try {
    return storage.open(segment.file, 'read')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
