import path from 'node:path'
import { diskStorage } from '../../lib/storage.ts'

/**
 * Gives a SQLite file that cannot be read another name, `<file>.damaged-1` or the first number that is free, and so the files that belong
 * to it: nothing is deleted, and SQLite's own tools find them together. Returns that name. The file goes first: one without its
 * journal is never found under the old name.
 */
export function setAside(file: string): string {
  const folder = path.dirname(file)
  const names = new Set(diskStorage.list(folder))
  let number = 1
  while (names.has(`${path.basename(file)}.damaged-${number}`)) number++
  const aside = `${file}.damaged-${number}`
  for (const part of ['', '-wal', '-shm'])
    if (names.has(path.basename(file) + part)) diskStorage.rename(file + part, aside + part)
  diskStorage.syncFolder(folder)
  return aside
}
