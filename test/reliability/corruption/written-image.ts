import path from 'node:path'
import { listSegments } from '../../../src/log/embedded/segment.ts'
import { documentsOf, nameOf, readingsOf } from '../../support/log-changes.ts'
import { rowsOf } from '../../support/log-reading.ts'
import { below, seededRandom } from '../../support/random.ts'
import { asFormatOne, groupsOf } from '../../support/rotten-log.ts'
import { folder, WrittenLog } from '../../support/written-log.ts'
import type { Frame } from './damages.ts'
import type { Image } from './image-storage.ts'

export interface WrittenCommit extends Frame {
  readonly number: number
  /** Numbers of its rows, by stream. */
  readonly rows: Readonly<Record<Stream, readonly number[]>>
}

export const streams = ['readings', 'posts'] as const
export type Stream = (typeof streams)[number]

/** A log as it lies on disk, and what was written to it. */
export interface WrittenImage {
  readonly name: string
  /** In format 1 the last row that damage takes of a stream is counted by nobody. */
  readonly format: number
  readonly files: Image
  readonly id: string
  readonly commits: readonly WrittenCommit[]
  /** Every row that the log holds, by its number: what a reader must be given, or not at all. */
  readonly rows: Readonly<Record<Stream, ReadonlyMap<number, string>>>
  /** Rows of each stream that retention has removed. */
  readonly before: Readonly<Record<Stream, number>>
  readonly first: number
  readonly next: number
}

/** A row of a reader, to be held against what was written. */
export const textOf = (row: { readonly number: number }): string => JSON.stringify(row)

/** Logs of some segments each: closed in order or not, of this format or the one before, with its oldest segments still there or not. */
export async function writtenImages(seed: number): Promise<WrittenImage[]> {
  const kinds = [
    { name: 'closed', isClosed: true },
    { name: 'killed', isClosed: false },
    { name: 'format 1', isClosed: true, format: 1 },
    { name: 'trimmed', isClosed: true, removed: 2 },
  ]
  return await Promise.all(kinds.map((kind, i) => writtenImage(kind, seededRandom(seed + i))))
}

async function writtenImage(
  kind: { name: string; isClosed: boolean; format?: number; removed?: number },
  random: () => number,
): Promise<WrittenImage> {
  const log = new WrittenLog({ segmentBytes: 3_000, retentionSeconds: 60 })
  let value = 0
  let series = 0
  while (log.files.length < 5) {
    const isNew = series === 0 || (series < 6 && random() < 0.2)
    if (isNew) series++
    const rows = Array.from({ length: below(random, 12) }, () => {
      value++
      const text = random() < 0.1 ? `text ${value}` : undefined
      return {
        series: below(random, series),
        value,
        text,
        flags: text === undefined ? 0 : 2,
        extra: random() < 0.05 ? `{"x":${value}}` : undefined,
      }
    })
    const posts =
      random() < 0.4
        ? [documentsOf('posts', [{ key: `p${value}`, body: 'b'.repeat(below(random, 80)), time: value }])]
        : []
    const edits =
      random() < 0.1 ? [{ device: `d${value}`, metric: undefined, from: 0, to: 1, patch: undefined }] : []
    log.commit({
      names: isNew ? [nameOf(series - 1)] : [],
      readings: rows.length > 0 ? readingsOf(rows) : undefined,
      documents: posts,
      edits,
    })
    log.clock.pass(2)
    if (random() < 0.3) log.writer.check(undefined)
  }
  for (let i = 0; i < 4; i++)
    log.commit({
      readings: readingsOf([{ series: 0, value: ++value }]),
      documents: [documentsOf('posts', [{ key: `p${value}`, body: '' }])],
    })
  const gone = listSegments(log.storage, folder)[kind.removed ?? 0]?.first ?? 0
  for (const file of log.files.slice(0, kind.removed ?? 0)) log.storage.remove(file)
  log.writer.check(undefined)
  const all = { readings: await log.read(), posts: await log.read({ stream: 'posts' }) }
  if (kind.isClosed) log.writer.close()
  if (kind.format === 1) for (const file of log.files) asFormatOne(log, file)
  const rows = {
    readings: new Map(rowsOf(all.readings).map((row) => [row.number, textOf(row)])),
    posts: new Map(
      all.posts.flatMap(({ documents }) => documents.map((row) => [row.number, textOf(row)] as const)),
    ),
  }
  const before = { readings: all.readings[0]?.running ?? 0, posts: all.posts[0]?.running ?? 0 }
  const { next } = log.writer.watermark
  const names = log.storage.list(folder)
  const files = new Map(names.map((name) => [name, Buffer.from(log.bytes(path.join(folder, name)))]))
  return {
    name: kind.name,
    format: kind.format ?? 2,
    files,
    id: log.writer.id,
    commits: commitsOf(log, rows, next),
    rows,
    before,
    first: gone,
    next,
  }
}

function commitsOf(log: WrittenLog, rows: WrittenImage['rows'], next: number): WrittenCommit[] {
  const places = log.files.flatMap((file) =>
    groupsOf(log, file).map((place) => ({ ...place, file: path.basename(file) })),
  )
  return places.map((place, i) => {
    const end = places[i + 1]?.number ?? next
    const within = (stream: Stream) =>
      [...rows[stream].keys()].filter((number) => number >= place.number && number < end)
    return { ...place, rows: { readings: within('readings'), posts: within('posts') } }
  })
}
