import fs from 'node:fs'

/** Bytes of a file that were written, or cut off. */
export interface Write {
  readonly kind: 'write'
  /** Where it stands in the journal. */
  readonly place: number
  readonly inode: bigint
  readonly at: number
  readonly bytes: number
  /** What stood there, as far as the file went. */
  readonly old: Buffer
  readonly oldSize: number
  readonly newSize: number
}

/** A name that came (`to`), went (`from`), or both; the file that stood at `to` before has the inode `replaced`, 0 if none. */
export interface Rename {
  readonly kind: 'name'
  readonly place: number
  readonly inode: bigint
  readonly from?: string
  readonly to?: string
  readonly replaced: bigint
}

/** A sync: it covers what stands in the journal below `covers`. */
export interface Sync {
  readonly kind: 'sync' | 'sync-failed' | 'sync-folder'
  readonly place: number
  readonly inode: bigint
  readonly path: string
  readonly covers: number
}

export type Change = Write | Rename | Sync

/*
 *   0  u32  length of the record       40  u64  size after
 *   4  u32  kind                       48  u64  covers
 *   8  u64  inode                      56  u64  inode of the file replaced
 *  16  u64  at                         64  u32  length of the path
 *  24  u64  bytes                      68  u32  length of the other path
 *  32  u64  size before                72  path, other path, old bytes
 */
const headerBytes = 72

/** What disk-shim.c has written down, in order; empty if it has nothing. A torn last record is passed over. */
export function readJournal(file: string): Change[] {
  if (!fs.existsSync(file)) return []
  const bytes = fs.readFileSync(file)
  const changes: Change[] = []
  for (let place = 0; place + headerBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(place)
    if (place + length > bytes.length) break
    const change = changeOf(bytes.subarray(place, place + length), place)
    if (change !== undefined) changes.push(change)
    place += length
  }
  return changes
}

function changeOf(record: Buffer, place: number): Change | undefined {
  const number = (at: number) => Number(record.readBigUInt64LE(at))
  const inode = record.readBigUInt64LE(8)
  const otherAt = headerBytes + record.readUInt32LE(64)
  const oldAt = otherAt + record.readUInt32LE(68)
  const path = record.toString('utf8', headerBytes, otherAt)
  const other = record.toString('utf8', otherAt, oldAt)
  const replaced = record.readBigUInt64LE(56)
  const covers = number(48)
  switch (record.readUInt32LE(4)) {
    case 1: {
      const sizes = { oldSize: number(32), newSize: number(40) }
      return {
        kind: 'write',
        place,
        inode,
        at: number(16),
        bytes: number(24),
        old: record.subarray(oldAt),
        ...sizes,
      }
    }
    case 2:
      return { kind: 'sync', place, inode, path, covers }
    case 3:
      return { kind: 'sync-failed', place, inode, path, covers }
    case 4:
      return { kind: 'name', place, inode, to: path, replaced }
    case 5:
      return { kind: 'name', place, inode, from: path, replaced }
    case 6:
      return { kind: 'name', place, inode, from: path, to: other, replaced }
    case 7:
      return { kind: 'sync-folder', place, inode, path, covers }
    default:
      return undefined
  }
}
