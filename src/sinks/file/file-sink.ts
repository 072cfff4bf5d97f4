import path from 'node:path'
import { crc32 } from 'node:zlib'
import { z } from 'zod'
import {
  noBooks,
  type Sink,
  type SinkBooks,
  SinkFailure,
  type SinkState,
  type SinkWrite,
  type Written,
} from '../../core/sink.ts'
import {
  type AppendFile,
  namesBeside,
  openAppendFile,
  readJson,
  removeFile,
  renameFile,
  writeJson,
} from '../../lib/append-file.ts'
import { linesOf, refusalsOf } from './lines.ts'

export const fileSinkSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('The file; rotated ones get a number: readings.ndjson.1 is the newest of them.'),
  maxBytes: z.int().min(4096).default(64e6).describe('Size at which the file is rotated.'),
  keep: z.int().min(1).max(1000).default(10).describe('Rotated files kept.'),
})

export type FileSinkOptions = z.output<typeof fileSinkSchema>

const count = z.int().nonnegative()

const place = {
  /** Empty before the first write. */
  log: z.string(),
  partition: count,
  next: z.string().regex(/^\d+$/),
  bytes: count,
  books: z.strictObject({
    handed: count,
    stored: count,
    repeated: count,
    overwritten: count,
    filtered: count,
    deadLettered: count,
    expired: count,
    damaged: count,
  } satisfies Record<keyof SinkBooks, z.ZodType>),
}

/**
 * Beside the file: where the sink stands, and how long the file was then. Ours, but others may have touched it, and a disk: one digit more or
 * less is a position too, so there is a checksum. Version 1 had none.
 */
const notedSchema = z.discriminatedUnion('version', [
  z.strictObject({ version: z.literal(1), ...place }),
  z
    .strictObject({ version: z.literal(2), ...place, crc: count })
    .refine((noted) => noted.crc === checksumOf(noted), 'its checksum is another one'),
])

type Noted = z.output<z.ZodObject<typeof place>>

/**
 * Appends rows to a file as NDJSON. The position and the file's length are noted beside it after the rows are synced, and lines behind the
 * noted length are cut off at the start: a row stands in the files once. Without a note that can be trusted nothing is written: which rows
 * stand in the file already is then for a person to say.
 */
export async function openFileSink(
  name: string,
  options: FileSinkOptions,
  dataFolder: string,
): Promise<Sink> {
  const file = path.resolve(dataFolder, options.path)
  const notedFile = `${file}.position.json`
  const found = await readNoted(notedFile, file)
  let out: AppendFile = await openAppendFile(file)
  let noted: Noted
  /** What a write that fails now leaves behind: the next one begins with it. */
  let undone: 'rotation' | 'lines' | 'note' | undefined
  try {
    noted = await agree(found)
  } catch (error) {
    await out.close()
    throw error
  }

  /** Brings the file and its note together; before the first write too, so that one that is cut short leaves a note. */
  async function agree(before: Noted | undefined): Promise<Noted> {
    if (before === undefined && out.bytes > 0)
      throw unsafe(`${notedFile} is missing, and ${file} is not empty`, notedFile, file)
    const first = { log: '', partition: 0, next: '0', bytes: 0, books: noBooks } as const
    const { bytes, ...rest } = before ?? first
    if (out.bytes > bytes) await out.truncate(bytes)
    if (out.bytes > 0 && out.bytes < bytes)
      throw unsafe(`${file} has lost its end: ${out.bytes} of ${bytes} bytes are there`, notedFile, file)
    // Empty: stopped in the middle of a rotation, the noted length is the rotated file's.
    const agreed = { ...rest, bytes: out.bytes }
    if (before === undefined || out.bytes !== bytes) await writeNoted(notedFile, agreed)
    return agreed
  }

  const rotated = (n: number) => `${file}.${n}`

  async function note(next: Noted): Promise<void> {
    await writeNoted(notedFile, next)
    noted = next
    undone = undefined
  }

  /**
   * May be cut short at any of its steps, by a kill too, and begun again: the files move up into the first gap there is, and the oldest goes only
   * where there is none, so that a second attempt deletes nothing more.
   */
  async function rotate(): Promise<void> {
    undone = 'rotation'
    await out.close()
    const names = await namesBeside(file)
    let gap = 1
    while (gap < options.keep && names.has(path.basename(rotated(gap)))) gap++
    if (gap === options.keep) await removeFile(rotated(gap))
    for (let i = gap - 1; i >= 1; i--) await renameFile(rotated(i), rotated(i + 1))
    await renameFile(file, rotated(1))
    out = await openAppendFile(file)
    await startAnew()
  }

  /** Goes on with a rotation that has failed: whether the file itself is moved already, only the folder tells. */
  async function rotateOn(): Promise<void> {
    await out.close()
    out = await openAppendFile(file)
    if (out.bytes > 0) await rotate()
    else await startAnew()
  }

  async function startAnew(): Promise<void> {
    noted = { ...noted, bytes: out.bytes }
    undone = 'note'
    await goBack()
  }

  /** To where the last write that succeeded has left the two. */
  async function goBack(): Promise<void> {
    // Where the note failed nobody knows which one is on disk. It must be the old one when the lines behind it go, or a start would take them
    // for written.
    if (undone === 'note') await writeNoted(notedFile, noted)
    await out.truncate(noted.bytes)
    undone = undefined
  }

  /** Brings to its end what a failed write has left. */
  async function finish(): Promise<void> {
    if (undone === 'rotation') await rotateOn()
    else if (undone !== undefined) await goBack()
  }

  async function append({ batch, from, to, terms }: SinkWrite): Promise<Written> {
    const before = noted.log === from.log && noted.partition === from.partition ? noted : undefined
    if (before !== undefined && BigInt(before.next) !== from.next) {
      throw new SinkFailure('stop', 'store-refused', `${file}: the position has moved`)
    }
    const refused = batch === undefined ? [] : refusalsOf(batch)
    if (refused.length > 0) return { stored: 0, repeated: 0, overwritten: 0, refused }
    await finish()
    if (out.bytes >= options.maxBytes) await rotate()
    undone = 'lines'
    const stored = batch === undefined || batch.kind === 'edit' ? 0 : batch.length
    if (batch !== undefined) await out.append(linesOf(batch))
    const books = before?.books ?? noBooks
    undone = 'note'
    await note({
      log: to.log,
      partition: to.partition,
      next: String(to.next),
      bytes: out.bytes,
      books: {
        ...books,
        handed: books.handed + terms.handed,
        stored: books.stored + stored,
        filtered: books.filtered + terms.filtered,
        deadLettered: books.deadLettered + terms.deadLettered,
        expired: books.expired + terms.expired,
        damaged: books.damaged + terms.damaged,
      },
    })
    return { stored, repeated: 0, overwritten: 0, refused: [] }
  }

  async function write(write: SinkWrite): Promise<Written> {
    try {
      return await append(write)
    } catch (error) {
      if (error instanceof SinkFailure) throw error
      await finish().catch(() => undefined)
      throw failureOf(error, file)
    }
  }

  /** The last write that was begun: two that come at once must not mix their lines, and the second is fenced. */
  let last: Promise<unknown> = Promise.resolve()

  return {
    name,
    async state(log, partition): Promise<SinkState | undefined> {
      if (noted.log !== log || noted.partition !== partition) return undefined
      return { position: { log, partition, next: BigInt(noted.next) }, books: noted.books }
    },
    write(next) {
      const done = last.then(() => write(next))
      last = done.catch(() => undefined)
      return done
    },
    close: () => out.close(),
  }
}

const notAllowed: readonly unknown[] = ['EACCES', 'EPERM', 'EROFS']

function failureOf(error: unknown, file: string): SinkFailure {
  const why = `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`
  const isAllowed = !(error instanceof Error && 'code' in error && notAllowed.includes(error.code))
  return isAllowed
    ? new SinkFailure('retry', 'disk-full', why, error)
    : new SinkFailure('stop', 'store-refused', why, error)
}

function writeNoted(notedFile: string, noted: Noted): Promise<void> {
  return writeJson(notedFile, { version: 2, ...noted, crc: checksumOf(noted) })
}

function checksumOf({ log, partition, next, bytes, books }: Noted): number {
  const counts = Object.keys(place.books.shape).map((term) => books[term as keyof SinkBooks]) // as: the terms of SinkBooks
  return crc32(JSON.stringify([log, partition, next, bytes, ...counts]))
}

/** @throws SinkFailure `stop` where the note cannot be trusted. */
async function readNoted(notedFile: string, file: string): Promise<Noted | undefined> {
  let content: unknown
  try {
    content = await readJson(notedFile)
  } catch (error) {
    if (error instanceof SyntaxError)
      throw unsafe(`${notedFile} is damaged (${error.message})`, notedFile, file)
    throw error
  }
  if (content === undefined) return undefined
  const noted = notedSchema.safeParse(content)
  if (noted.success) {
    const { log, partition, next, bytes, books } = noted.data
    return { log, partition, next, bytes, books }
  }
  const isNewer =
    typeof content === 'object' && content !== null && 'version' in content && Number(content.version) > 2
  if (isNewer) throw new SinkFailure('stop', 'log-version', `${notedFile} was written by a newer Sluice`)
  throw unsafe(`${notedFile} is damaged (${z.prettifyError(noted.error)})`, notedFile, file)
}

function unsafe(what: string, notedFile: string, file: string): SinkFailure {
  return new SinkFailure(
    'stop',
    'store-refused',
    `${what}: nobody can say which rows ${file} holds, so none is written. Put ${path.basename(notedFile)} back from a copy, or move both files away: the sink then begins a new file with the oldest row that the log still holds`,
  )
}
