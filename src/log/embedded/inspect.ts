import type { Storage } from '../../lib/storage.ts'
import { Kind } from './group.ts'
import { readSections, streamOf } from './group-reader.ts'
import { loadNames } from './names-file.ts'
import { SegmentScanner } from './scan.ts'
import { findSalt, listSegments, openSegment, readSegmentHeader, type Segment } from './segment.ts'

/** What one segment holds, as far as it can be read. */
export interface SegmentReport {
  readonly file: string
  readonly log: string | undefined
  readonly bytes: number
  readonly commits: number
  /** First number, and one more than the last. */
  readonly first: number
  readonly next: number
  /** µs since 1970 of the first and last commit; undefined where there is none. */
  readonly from: number | undefined
  readonly to: number | undefined
  readonly rows: Readonly<Record<string, number>>
  readonly newSeries: number
  /** Stretches that are no whole group. The last one of the last segment may be a commit that is just being written. */
  readonly damage: readonly { readonly offset: number; readonly bytes: number }[]
}

/** Reads every segment of a folder from end to end, without changing or locking anything: also beside a running Sluice. */
export function* inspectLog(storage: Storage, folder: string): Generator<SegmentReport> {
  const segments = listSegments(storage, folder)
  const salt = findSalt(storage, segments) ?? loadNames(storage, folder).salt
  for (const [i, segment] of segments.entries()) {
    const report = inspectSegment(
      storage,
      segment,
      salt ?? 0,
      segments[i + 1]?.first ?? Number.POSITIVE_INFINITY,
    )
    if (report) yield report
  }
}

/** Groups at or above `limit` are void: the next segment holds them again. */
function inspectSegment(
  storage: Storage,
  segment: Segment,
  salt: number,
  limit: number,
): SegmentReport | undefined {
  const file = openSegment(storage, segment)
  if (!file) return undefined
  try {
    const header = readSegmentHeader(file)
    const bytes = file.size()
    const report = {
      file: segment.file,
      log: typeof header === 'object' ? header.log : undefined,
      bytes,
      first: segment.first,
    }
    const rows: Record<string, number> = {}
    const damage: { offset: number; bytes: number }[] = []
    let [commits, next, newSeries] = [0, segment.first, 0]
    let from: number | undefined
    let to: number | undefined
    const scanner = new SegmentScanner(file, salt)
    for (let found = scanner.next(bytes); found; found = scanner.next(bytes)) {
      if (found.kind === 'damage') {
        damage.push({ offset: found.offset, bytes: found.length })
        continue
      }
      const { group, view } = found
      if (group.number >= limit) break
      if (group.numbers === 0) continue // a checkpoint
      commits++
      next = group.number + group.numbers
      from ??= group.timeMicros
      to = group.timeMicros
      for (const section of readSections(view, group)) {
        if (section.kind === Kind.names) newSeries += section.rows
        const stream = section.kind === Kind.edit ? 'edits' : streamOf(found.bytes, section)
        if (stream !== undefined) rows[stream] = (rows[stream] ?? 0) + section.rows
      }
    }
    return { ...report, commits, next, from, to, rows, newSeries, damage }
  } finally {
    file.close()
  }
}
