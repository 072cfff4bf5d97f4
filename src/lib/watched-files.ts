import fs from 'node:fs/promises'

/** What the files hold, in the order asked for; or why one of them could not be read. */
export type FileContents = readonly Uint8Array[] | Error

/** Reads small files, such as certificates, together. */
export async function readFiles(files: readonly string[]): Promise<FileContents> {
  try {
    return await Promise.all(files.map((file) => fs.readFile(file)))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

/**
 * Tells of every change of small files, until the function it returns is called. They are read again and again, for a change has many
 * forms: bytes written in place, a rename, another target of a symlink above them (as Kubernetes does). What two readings in a row
 * show is told once: files that belong together are rarely replaced at one instant.
 *
 * @param before what is known of the files already.
 * @param changed must not throw.
 */
export function watchFiles(
  files: readonly string[],
  before: FileContents,
  changed: (contents: FileContents) => void,
  everyMs = 1_000,
): () => void {
  let told = before
  let last = before
  let isStopped = false
  let timer: NodeJS.Timeout | undefined
  const look = async (): Promise<void> => {
    const now = await readFiles(files)
    if (isStopped) return
    if (isSame(now, last) && !isSame(now, told)) {
      told = now
      changed(now)
    }
    last = now
    again()
  }
  const again = (): void => {
    timer = setTimeout(() => {
      look().catch(() => undefined) // `readFiles` fails by answer, and `changed` does not throw
    }, everyMs).unref()
  }
  again()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}

function isSame(a: FileContents, b: FileContents): boolean {
  if (a instanceof Error || b instanceof Error)
    return a instanceof Error && b instanceof Error && a.message === b.message
  return a.every((bytes, i) => Buffer.compare(bytes, b[i] as Uint8Array) === 0)
}
