import fs from 'node:fs'
import path from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { makeFolders } from './make-folders.ts'

/**
 * The file system as the log uses it: synchronous, because the log has a thread of its own and the libuv pool is shared
 * with queries, zlib and DNS. Tests put a simulated one in its place.
 * Every call throws the system's error (`code` ENOSPC, EIO, …).
 */
export interface Storage {
  open(file: string, mode: 'read' | 'write' | 'create'): StorageFile
  /** Names in a folder, sorted; empty if there is no such folder. */
  list(folder: string): string[]
  /** Makes a folder and those above it, durably: an acknowledged record must not vanish with the folder it lies in. */
  makeFolder(folder: string): void
  rename(from: string, to: string): void
  remove(file: string): void
  /** Makes created, renamed and removed names of the folder durable. */
  syncFolder(folder: string): void
  /** Bytes free for us on the disk that holds the folder. */
  free(folder: string): number
}

export interface StorageFile {
  size(): number
  /** Writes all the parts one after the other at `at`; a short write is continued, an error leaves the file's tail undefined. */
  write(parts: readonly Uint8Array[], at: number): void
  /** Reads up to `into.length` bytes; returns how many there were. */
  read(into: Uint8Array, at: number): number
  /** fdatasync: data and the size that is needed to read it. */
  sync(): void
  truncate(size: number): void
  close(): void
}

export const diskStorage: Storage = {
  open(file, mode) {
    const fd = fs.openSync(file, mode === 'read' ? 'r' : mode === 'create' ? 'wx+' : 'r+')
    if (!fs.fstatSync(fd).isDirectory()) return diskFile(fd)
    // The system opens it, and names nothing when it is read.
    fs.closeSync(fd)
    throw new SluiceError('config-invalid', `${file} is a folder where a file belongs; move it away`)
  },
  list(folder) {
    try {
      return fs.readdirSync(folder).sort()
    } catch (error) {
      // A file above it is as good as no folder.
      if (hasCode(error, 'ENOENT') || hasCode(error, 'ENOTDIR')) return []
      throw error
    }
  },
  makeFolder: makeDurableFolder,
  rename: fs.renameSync,
  remove: fs.unlinkSync,
  syncFolder,
  free(folder) {
    const { bavail, bsize } = fs.statfsSync(path.resolve(folder))
    return bavail * bsize
  },
}

function makeDurableFolder(folder: string): void {
  const full = path.resolve(folder)
  const first = makeFolders(full)
  if (first !== undefined) {
    for (let made = full; made !== first; made = path.dirname(made)) syncFolder(path.dirname(made))
    syncFolder(path.dirname(first))
    return
  }
  // Whoever made it may have died before this.
  try {
    syncFolder(path.dirname(full))
  } catch (error) {
    if (!hasCode(error, 'EACCES')) throw error
  }
}

function syncFolder(folder: string): void {
  const fd = fs.openSync(folder, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function diskFile(fd: number): StorageFile {
  return {
    size: () => fs.fstatSync(fd).size,
    write(parts, at) {
      let total = 0
      for (const part of parts) total += part.length
      let written = fs.writevSync(fd, parts, at)
      while (written < total) written += fs.writevSync(fd, remaining(parts, written), at + written)
    },
    read(into, at) {
      let read = 0
      while (read < into.length) {
        const n = fs.readSync(fd, into, read, into.length - read, at + read)
        if (n === 0) break
        read += n
      }
      return read
    },
    sync: () => fs.fdatasyncSync(fd),
    truncate: (size) => fs.ftruncateSync(fd, size),
    close: () => fs.closeSync(fd),
  }
}

/** The parts less their first `skip` bytes. */
function remaining(parts: readonly Uint8Array[], skip: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const part of parts) {
    if (skip >= part.length) skip -= part.length
    else {
      rest.push(skip === 0 ? part : part.subarray(skip))
      skip = 0
    }
  }
  return rest
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
