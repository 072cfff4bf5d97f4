import type { Storage } from '../../lib/storage.ts'
import { Kind } from './group.ts'
import { readSections, streamOf } from './group-reader.ts'
import { segmentHeaderBytes } from './segment.ts'
import { type Surveyed, surveyLog } from './survey.ts'

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
  /** Stretches that are no whole header, commit or checkpoint. */
  readonly damage: readonly { readonly offset: number; readonly bytes: number }[]
  /** Bytes at the end of the last segment that are no whole commit: one that is being written, or that never was acknowledged, as far as anybody can tell. */
  readonly tailBytes: number
}

type Draft = { -readonly [Key in keyof SegmentReport]: SegmentReport[Key] } & {
  rows: Record<string, number>
  damage: { offset: number; bytes: number }[]
}

/**
 * Reads every segment of a folder from end to end, without changing or locking anything: also beside a running Sluice.
 * @throws SluiceError `log-version` for a log that a newer Sluice wrote.
 */
export function* inspectLog(storage: Storage, folder: string): Generator<SegmentReport> {
  let report: Draft | undefined
  for (const found of surveyLog(storage, folder)) {
    if (found.kind === 'segment') {
      if (report) yield report
      report = draftOf(found)
    } else if (report) take(report, found)
  }
  if (report) yield report
}

function draftOf({ segment, hasHeader, log, bytes }: Extract<Surveyed, { kind: 'segment' }>): Draft {
  const isHeaderDamaged = !hasHeader && bytes > 0
  return {
    file: segment.file,
    log,
    bytes,
    commits: 0,
    first: segment.first,
    next: segment.first,
    from: undefined,
    to: undefined,
    rows: {},
    newSeries: 0,
    damage: isHeaderDamaged ? [{ offset: 0, bytes: Math.min(segmentHeaderBytes, bytes) }] : [],
    tailBytes: 0,
  }
}

function take(report: Draft, found: Surveyed): void {
  if (found.kind === 'damage') report.damage.push({ offset: found.offset, bytes: found.length })
  else if (found.kind === 'tail') report.tailBytes = found.length
  if (found.kind !== 'group') return
  const { group, view, bytes } = found
  if (group.numbers === 0) return // a checkpoint
  report.commits++
  report.next = group.number + group.numbers
  report.from ??= group.timeMicros
  report.to = group.timeMicros
  for (const section of readSections(view, group)) {
    if (section.kind === Kind.names) report.newSeries += section.rows
    const stream = section.kind === Kind.edit ? 'edits' : streamOf(bytes, section)
    if (stream !== undefined) report.rows[stream] = (report.rows[stream] ?? 0) + section.rows
  }
}
