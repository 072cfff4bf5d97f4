import { open, readdir, readFile, rename, rm, type FileHandle } from 'node:fs/promises'
import path from 'node:path'

/** A file that only grows, synced with every append. Asynchronous: for sinks in the main thread, which must not wait for a disk. */
export interface AppendFile {
  readonly bytes: number
  /** Resolves when the text is on disk. On an error the tail is undefined; `truncate` brings it back. */
  append(text: string): Promise<void>
  truncate(bytes: number): Promise<void>
  close(): Promise<void>
}

export async function openAppendFile(file: string): Promise<AppendFile> {
  // The file may have been renamed, and that may not be on disk: a new one of its name must not be there first, or both would be lost.
  await syncFolderOf(file)
  const handle = await open(file, 'a')
  let size: number
  try {
    await syncFolderOf(file)
    size = (await handle.stat()).size
  } catch (error) {
    await handle.close()
    throw error
  }
  return {
    get bytes() {
      return size
    },
    async append(text) {
      const { bytesWritten } = await handle.write(text)
      size += bytesWritten
      if (bytesWritten !== Buffer.byteLength(text)) throw new Error('the write was short')
      await handle.datasync()
    },
    async truncate(bytes) {
      await handle.truncate(bytes)
      await handle.datasync()
      size = bytes
    },
    close: () => handle.close(),
  }
}

/** The content of a JSON file, undefined if there is none. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Replaces a JSON file: whoever reads it sees the old content or the new, also after a crash. */
export async function writeJson(file: string, content: unknown): Promise<void> {
  const fresh = `${file}.new`
  await withFile(fresh, 'w', async (handle) => {
    await handle.writeFile(JSON.stringify(content))
    await handle.datasync()
  })
  await rename(fresh, file)
  await syncFolderOf(file)
}

/** Renames a file, durably: what is renamed next must not take its place before. Nothing happens if it does not exist. */
export async function renameFile(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
    await syncFolderOf(to)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}

/** Names of the files beside it, and its own. */
export async function namesBeside(file: string): Promise<ReadonlySet<string>> {
  return new Set(await readdir(path.dirname(file)))
}

export async function removeFile(file: string): Promise<void> {
  await rm(file, { force: true })
}

async function syncFolderOf(file: string): Promise<void> {
  await withFile(path.dirname(file), 'r', (handle) => handle.sync())
}

async function withFile(
  file: string,
  mode: string,
  use: (handle: FileHandle) => Promise<void>,
): Promise<void> {
  const handle = await open(file, mode)
  try {
    await use(handle)
  } finally {
    await handle.close()
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
