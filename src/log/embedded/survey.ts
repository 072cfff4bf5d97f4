import type { Storage, StorageFile } from '../../lib/storage.ts'
import { SluiceError } from '../../core/errors.ts'
import { loadNames } from './names-file.ts'
import { OrderedScanner } from './ordered-scan.ts'
import { isTail } from './recovery.ts'
import { type Found, scanWindow } from './scan.ts'
import { findSalt, listSegments, openSegment, readSegmentHeader, type Segment } from './segment.ts'

/** What a survey comes upon, in the order of the log. */
export type Surveyed =
  | {
      readonly kind: 'segment'
      readonly segment: Segment
      /** Whether the header is whole and belongs to the file's name. */
      readonly hasHeader: boolean
      readonly log: string | undefined
      readonly bytes: number
    }
  | (Extract<Found, { kind: 'group' }> & { readonly segment: Segment })
  | {
      /**
       * `damage`: bytes of acknowledged commits, or of checkpoints. `void`: what a failed write has left, and the next segment holds. `tail`: the
       * end of the last segment; a commit that is being written, or that was never acknowledged, as far as anybody can tell.
       */
      readonly kind: 'damage' | 'void' | 'tail'
      readonly segment: Segment
      readonly offset: number
      readonly length: number
    }
  | {
      /** The end of a segment that was gone through. `following` is the first number of the next one, undefined for the last. */
      readonly kind: 'end'
      readonly segment: Segment
      readonly offset: number
      readonly following: number | undefined
    }

/** The salt of a log as its files tell it. Where none does, no group can be read. */
export function saltIn(storage: Storage, folder: string): number | undefined {
  return findSalt(storage, listSegments(storage, folder)) ?? loadNames(storage, folder).salt
}

/**
 * Goes through every byte of a log, without changing or locking anything: also beside a running Sluice, as far as the log was written when it
 * came there. It begins with the segment whose first number is `from`. What it yields is valid until the next is asked for.
 * @throws SluiceError `log-version` for a log that a newer Sluice wrote.
 */
export function* surveyLog(storage: Storage, folder: string, from = 0): Generator<Surveyed> {
  const segments = listSegments(storage, folder)
  const salt = saltIn(storage, folder) ?? 0
  const window = scanWindow()
  for (const [i, segment] of segments.entries()) {
    if (segment.first < from) continue
    const file = openSegment(storage, segment)
    // Retention has removed it meanwhile.
    if (!file) continue
    try {
      yield* surveySegment(file, segment, salt, segments[i + 1]?.first, window)
    } finally {
      file.close()
    }
  }
}

function* surveySegment(
  file: StorageFile,
  segment: Segment,
  salt: number,
  following: number | undefined,
  window: Uint8Array,
): Generator<Surveyed> {
  const header = readSegmentHeader(file)
  if (header === 'newer')
    throw new SluiceError('log-version', `${segment.file} was written by a newer Sluice`)
  const bytes = file.size()
  const hasHeader = header?.first === segment.first
  yield { kind: 'segment', segment, hasHeader, log: header?.log, bytes }
  const scanner = new OrderedScanner(file, salt, segment.first, window)
  let next: number | undefined
  for (let found = scanner.next(bytes, following); found; found = scanner.next(bytes, following)) {
    if (found.kind === 'damage' && following === undefined) {
      const { offset, length } = found
      if (isTail(file, salt, offset + length, bytes, next)) {
        yield { kind: 'tail', segment, offset, length: bytes - offset }
        return
      }
      // It may have been written while we looked. By now it has been, since what comes behind it has.
      scanner.moveTo(offset, next ?? segment.first)
      found = scanner.next(bytes)
      if (!found) break
    }
    if (found.kind === 'group') {
      next = found.group.number + found.group.numbers
      yield { ...found, segment }
      continue
    }
    const isAtEnd = found.offset + found.length === bytes
    const isVoid = isAtEnd && following !== undefined && (next ?? segment.first) >= following
    yield { ...found, kind: isVoid ? 'void' : 'damage', segment }
  }
  yield { kind: 'end', segment, offset: Math.max(bytes, 0), following }
}
