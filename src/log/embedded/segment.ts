import path from 'node:path'
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
 *  56  f64      time of creation, µs since 1970
 *  64  groups
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

export function encodeSegmentHeader(header: SegmentHeader, timeMicros: number): Uint8Array {
  const bytes = new Uint8Array(segmentHeaderBytes)
  new TextEncoder().encodeInto(magic + header.log, bytes)
  const view = new DataView(bytes.buffer)
  view.setFloat64(48, header.first, true)
  view.setFloat64(56, timeMicros, true)
  return bytes
}

/** The header of a segment, undefined where it is damaged or of a kind that only a newer Sluice knows. */
export function readSegmentHeader(file: StorageFile): SegmentHeader | 'newer' | undefined {
  const bytes = new Uint8Array(segmentHeaderBytes)
  if (file.read(bytes, 0) < segmentHeaderBytes) return undefined
  const text = new TextDecoder('latin1').decode(bytes)
  if (!text.startsWith(magic)) return /^SLUICE\d\d/.test(text) ? 'newer' : undefined
  const log = text.slice(8, 44)
  if (!/^[0-9a-f-]{36}$/.test(log)) return undefined
  return { log, first: new DataView(bytes.buffer).getFloat64(48, true) }
}
