import path from 'node:path'
import { type Documents, numberAt, type Readings, sliceDocuments, sliceReadings } from '../../core/batch.ts'
import type { Batch } from '../../core/batch.ts'
import { SluiceError } from '../../core/errors.ts'
import type { Storage } from '../../lib/storage.ts'
import { Dictionary } from './dictionary.ts'
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
import { loadNames } from './names-file.ts'
import { numberJump, scanFrom } from './recovery.ts'
import { listSegments } from './segment.ts'
import { saltIn, type Surveyed, surveyLog } from './survey.ts'

type FoundGroup = Extract<Surveyed, { kind: 'group' }>

export interface ExportOptions {
  /** Only this one; edits are part of `readings`. */
  readonly stream?: string | undefined
  /** Numbers from `from` on and below `to`. */
  readonly from?: number | undefined
  readonly to?: number | undefined
  /** Times of rows, µs since 1970, from and below; of edits, when they were made. */
  readonly fromMicros?: number | undefined
  readonly toMicros?: number | undefined
}

/** Rows, valid until the next is asked for; or a place where rows may be missing. */
export type Exported =
  | { readonly kind: 'rows'; readonly batch: Batch }
  | { readonly kind: 'damage'; readonly file: string; readonly offset: number; readonly bytes: number }
  | { readonly kind: 'gap'; readonly from: number; readonly to: number }
  | { readonly kind: 'nameless'; readonly rows: number }

/**
 * What a log holds, in its order; also beside a running Sluice, as far as the log was written when it came there. Damage is passed over, and told.
 * @throws SluiceError `log-version` for a log that a newer Sluice wrote; at its end `bad-request` for a stream that it has nothing of.
 */
export function* exportLog(storage: Storage, folder: string, options: ExportOptions): Generator<Exported> {
  const names = gatherNames(storage, folder)
  const streams = new Set(['readings'])
  let next: number | undefined
  let isDamaged = false
  let nameless = 0
  for (const found of surveyLog(storage, folder)) {
    if (found.kind === 'damage') {
      isDamaged = true
      const { segment, offset, length } = found
      yield { kind: 'damage', file: path.basename(segment.file), offset, bytes: length }
    }
    if (found.kind !== 'group') continue
    const { number, numbers } = found.group
    // A jump leaves numbers out on purpose.
    const isGap = next !== undefined && number > next && number % numberJump !== 0
    if (isGap && !isDamaged) yield { kind: 'gap', from: next ?? 0, to: number }
    isDamaged = false
    next = number + numbers
    for (const stream of streamsOf(found)) streams.add(stream)
    for (const batch of batchesOf(found, names)) {
      if (options.stream !== undefined && streamName(batch) !== options.stream) continue
      if (batch.kind === 'edit') {
        if (isWanted(options, number, found.group.timeMicros)) yield { kind: 'rows', batch }
        continue
      }
      const isNamed = (i: number) =>
        batch.kind === 'documents' || names.get(batch.series[i] ?? -1) !== undefined
      const isRowWanted = (i: number) => isWanted(options, Number(numberAt(batch, i)), batch.time[i] ?? 0)
      for (let i = 0; i < batch.length; i++) if (isRowWanted(i) && !isNamed(i)) nameless++
      for (const [from, to] of runs(batch.length, (i) => isRowWanted(i) && isNamed(i)))
        yield { kind: 'rows', batch: slice(batch, from, to) }
    }
  }
  if (nameless > 0) yield { kind: 'nameless', rows: nameless }
  if (options.stream !== undefined && !streams.has(options.stream)) {
    const known = [...streams].sort().join(', ')
    throw new SluiceError('bad-request', `the log has no stream ${options.stream}; it has ${known}`)
  }
}

/** All names, as a start knows them: where their file does not tell them all, rows may stand before the name of their series. */
function gatherNames(storage: Storage, folder: string): Dictionary {
  const known = loadNames(storage, folder)
  const names = new Dictionary()
  for (const name of known.names) names.add(name)
  const segments = listSegments(storage, folder)
  const from = segments[scanFrom(storage, segments, saltIn(storage, folder) ?? 0, known)]
  for (const found of surveyLog(storage, folder, from?.first)) {
    if (found.kind === 'group') takeNames(found, names)
  }
  return names
}

function takeNames({ group, bytes, view }: FoundGroup, names: Dictionary): void {
  for (const section of readSections(view, group)) {
    if (section.kind === Kind.names) for (const name of readNames(bytes, view, section)) names.add(name)
  }
}

/** Streams that a group has rows of, or tells of: those that retention has left nothing of are streams of the log too. */
function* streamsOf({ group, bytes, view }: FoundGroup): Generator<string> {
  for (const section of readSections(view, group)) {
    const stream = streamOf(bytes, section)
    if (stream !== undefined) yield stream
    else if (section.kind === Kind.checkpoint) yield* Object.keys(readCheckpoint(bytes, section).rows)
  }
}

function* batchesOf({ group, bytes, view }: FoundGroup, names: Dictionary): Generator<Batch> {
  for (const section of readSections(view, group)) {
    if (section.kind === Kind.names) for (const name of readNames(bytes, view, section)) names.add(name)
    else if (section.kind === Kind.edit)
      yield { ...readEdit(bytes, section), ...placeOf(section), kind: 'edit', length: 1 }
    else if (section.kind === Kind.readings) {
      yield {
        ...readReadings(bytes, section),
        ...placeOf(section),
        kind: 'readings',
        length: section.rows,
        names,
      }
    } else if (section.kind === Kind.documents) {
      const stream = streamOf(bytes, section) ?? ''
      yield {
        ...readDocuments(bytes, section),
        ...placeOf(section),
        kind: 'documents',
        stream,
        length: section.rows,
      }
    }
  }
}

function placeOf({ number }: Section): { readonly base: bigint; readonly row: undefined } {
  return { base: BigInt(number), row: undefined }
}

function streamName(batch: Batch): string {
  return batch.kind === 'documents' ? batch.stream : 'readings'
}

function isWanted(
  { from, to, fromMicros, toMicros }: ExportOptions,
  number: number,
  micros: number,
): boolean {
  return (
    (from === undefined || number >= from) &&
    (to === undefined || number < to) &&
    (fromMicros === undefined || micros >= fromMicros) &&
    (toMicros === undefined || micros < toMicros)
  )
}

/** The stretches of rows for which something holds. */
function* runs(length: number, holds: (i: number) => boolean): Generator<[from: number, to: number]> {
  for (let i = 0; i < length; i++) {
    if (!holds(i)) continue
    const from = i
    while (i < length && holds(i)) i++
    yield [from, i]
  }
}

function slice(batch: Readings | Documents, from: number, to: number): Batch {
  return batch.kind === 'readings' ? sliceReadings(batch, from, to) : sliceDocuments(batch, from, to)
}
