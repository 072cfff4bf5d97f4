import { setImmediate } from 'node:timers/promises'
import type { Storage } from '../../lib/storage.ts'
import { GroupWalk, segmentsUpTo } from './group-walk.ts'
import { loadNames } from './names-file.ts'
import { findSalt, openSegment, readSegmentHeader, type Segment } from './segment.ts'
import { SegmentScanner } from './scan.ts'
import type { Watermark } from './writer.ts'

/** A place in the log beside the time at which it was written. */
export interface WrittenAt {
  readonly number: number
  /** µs since 1970, by the clock of the machine that wrote. */
  readonly micros: number
}

/** Groups looked at between two turns of the event loop. */
const groupsPerTurn = 64

/** The oldest commit that the log holds; undefined while it holds none. */
export async function firstWritten(
  storage: Storage,
  folder: string,
  mark: Watermark,
): Promise<WrittenAt | undefined> {
  return await findWritten(storage, folder, mark, Number.NEGATIVE_INFINITY)
}

/**
 * The first commit that was written at `micros` or later; undefined where none was. It is found by the times at which the segments
 * begin, and then commit by commit: where a clock was set back the commits before that are looked at too.
 */
export async function findWritten(
  storage: Storage,
  folder: string,
  mark: Watermark,
  micros: number,
): Promise<WrittenAt | undefined> {
  const segments = segmentsUpTo(storage, folder, mark)
  const salt = findSalt(storage, segments) ?? loadNames(storage, folder).salt ?? 0
  const later = segments.findIndex((segment) => begun(storage, segment, salt) >= micros)
  const from = segments[Math.max(0, (later < 0 ? segments.length : later) - 1)]
  const walk = new GroupWalk(
    storage,
    folder,
    salt,
    () => mark,
    from,
    () => {},
  )
  try {
    for (let groups = 1; ; groups++) {
      const found = walk.next()
      if (found === undefined) return undefined
      const { number, numbers, timeMicros } = found.group
      // A checkpoint takes no number.
      if (numbers > 0 && timeMicros >= micros) return { number, micros: timeMicros }
      if (groups % groupsPerTurn === 0) await setImmediate()
    }
  } finally {
    walk.close()
  }
}

/** When a segment was begun; -Infinity where damage hides it, so that it is looked at. */
function begun(storage: Storage, segment: Segment, salt: number): number {
  const file = openSegment(storage, segment)
  if (file === undefined) return Number.NEGATIVE_INFINITY
  try {
    if (readSegmentHeader(file) === 'newer') return Number.NEGATIVE_INFINITY
    const found = new SegmentScanner(file, salt, undefined, new Uint8Array(beginBytes)).next(file.size())
    return found?.kind === 'group' ? found.group.timeMicros : Number.NEGATIVE_INFINITY
  } finally {
    file.close()
  }
}

/** The first group of a segment is its checkpoint, which is small. */
const beginBytes = 64 * 1024
