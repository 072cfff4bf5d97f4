import path from 'node:path'
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
  openAppendFile,
  readJson,
  removeFile,
  renameFile,
  writeJson,
} from '../../lib/append-file.ts'
import { linesOf } from './lines.ts'

export const fileSinkSchema = z.strictObject({
  path: z
    .string()
    .min(1)
    .describe('The file; rotated ones get a number: readings.ndjson.1 is the newest of them.'),
  maxBytes: z.int().min(4096).default(64e6).describe('Size at which the file is rotated.'),
  keep: z.int().min(1).max(1000).default(10).describe('Rotated files kept.'),
})

export type FileSinkOptions = z.output<typeof fileSinkSchema>

/** Beside the file: where the sink stands, and how long the file was then. */
interface Noted {
  readonly version: 1
  readonly log: string
  readonly partition: number
  readonly next: string
  readonly bytes: number
  readonly books: SinkBooks
}

/**
 * Appends rows to a file as NDJSON. The position and the file's length are noted beside it after the rows are synced, and lines behind the
 * noted length are cut off at the start: a row stands in the files once.
 */
export async function openFileSink(
  name: string,
  options: FileSinkOptions,
  dataFolder: string,
): Promise<Sink> {
  const file = path.resolve(dataFolder, options.path)
  const notedFile = `${file}.position.json`
  // Our own file; one of another version is refused.
  let noted = (await readJson(notedFile)) as Noted | undefined
  if (noted !== undefined && noted.version !== 1) {
    throw new SinkFailure('stop', 'log-version', `${notedFile} was written by a newer Sluice`)
  }
  let out: AppendFile = await openAppendFile(file)
  if (noted !== undefined && out.bytes > noted.bytes) await out.truncate(noted.bytes)
  // Stopped in the middle of a rotation: the noted length is the rotated file's.
  if (noted !== undefined && out.bytes < noted.bytes) await note({ ...noted, bytes: out.bytes })

  async function note(next: Noted): Promise<void> {
    await writeJson(notedFile, next)
    noted = next
  }

  async function rotate(): Promise<void> {
    await out.close()
    await removeFile(`${file}.${options.keep}`)
    for (let i = options.keep - 1; i >= 1; i--) await renameFile(`${file}.${i}`, `${file}.${i + 1}`)
    await renameFile(file, `${file}.1`)
    out = await openAppendFile(file)
    if (noted !== undefined) await note({ ...noted, bytes: 0 })
  }

  async function append({ batch, from, to, terms }: SinkWrite): Promise<Written> {
    const before =
      noted !== undefined && noted.log === from.log && noted.partition === from.partition ? noted : undefined
    if (before !== undefined && BigInt(before.next) !== from.next) {
      throw new SinkFailure('stop', 'store-refused', `${file}: the position has moved`)
    }
    if (out.bytes >= options.maxBytes) await rotate()
    const stored = batch === undefined || batch.kind === 'edit' ? 0 : batch.length
    if (batch !== undefined) await out.append(linesOf(batch))
    const books = before?.books ?? noBooks
    await note({
      version: 1,
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

  return {
    name,
    async state(log, partition): Promise<SinkState | undefined> {
      if (noted === undefined || noted.log !== log || noted.partition !== partition) return undefined
      return { position: { log, partition, next: BigInt(noted.next) }, books: noted.books }
    },
    async write(write) {
      try {
        return await append(write)
      } catch (error) {
        if (error instanceof SinkFailure) throw error
        // Lines of a failed write must not stand before those of the next.
        await out.truncate(noted?.bytes ?? 0).catch(() => undefined)
        throw new SinkFailure(
          'retry',
          'disk-full',
          `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
          error,
        )
      }
    },
    close: () => out.close(),
  }
}
