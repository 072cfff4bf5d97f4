import path from 'node:path'
import { diskStorage } from '../../lib/storage.ts'

/** As DuckDB says it: which of its logs, and where the content of an entry begins that is not what was written. */
const torn = /replaying WAL file "(?<file>.+)": Corrupt WAL file: entry at byte position (?<at>\d+) computed/
/** Size and checksum, before the content of each entry. */
const entryHeaderBytes = 16

/**
 * Cuts the end off DuckDB's write-ahead log where its checksums say that it is not whole, and keeps what is cut beside it, that of the last
 * time only. A power loss leaves such an end where the disk wrote later pages before earlier ones: DuckDB forgives a log that is short,
 * and refuses this one for ever. Transactions that were synced lie before it. The position of the sink lies in them: rows of those that
 * are cut come again from the log.
 * @returns what was done, for people; undefined if the error speaks of something else.
 */
export function cutTornWal(database: string, error: unknown): string | undefined {
  const { file = '', at = '' } = torn.exec(error instanceof Error ? error.message : '')?.groups ?? {}
  const end = Number(at) - entryHeaderBytes
  if (!file.startsWith(`${database}.`) || end < 0) return undefined
  const kept = `${file}.torn`
  const wal = diskStorage.open(file, 'write')
  try {
    const cut = wal.size() - end
    if (cut <= 0) return undefined
    const bytes = new Uint8Array(cut)
    wal.read(bytes, end)
    keep(kept, bytes)
    wal.truncate(end)
    wal.sync()
    return `the end of ${file} was not whole, as a power loss leaves it: ${cut} bytes from ${end} on were cut off and are kept in ${kept}; what they held comes again from the log, as far as it holds it still`
  } finally {
    wal.close()
  }
}

function keep(file: string, bytes: Uint8Array): void {
  const folder = path.dirname(file)
  if (diskStorage.list(folder).includes(path.basename(file))) diskStorage.remove(file)
  const kept = diskStorage.open(file, 'create')
  try {
    kept.write([bytes], 0)
    kept.sync()
  } finally {
    kept.close()
  }
  diskStorage.syncFolder(folder)
}
