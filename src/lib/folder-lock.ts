import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SluiceError } from '../core/errors.ts'
import { diskStorage } from './storage.ts'

/** A folder held by this process. */
export interface FolderLock {
  release(): void
}

/** SQLite's result code for a file that somebody else has locked (sqlite.org/rescode.html). */
const sqliteBusy = 5
/** And for bytes that are no database, or a broken one. */
const sqliteDamaged: readonly unknown[] = [11, 26]

/** Locks held until they are released: a database that nothing refers to is closed by the garbage collector, and its lock with it. */
const held = new Set<DatabaseSync>()

/**
 * Takes the data folder for this process, creating it if need be: an exclusive SQLite transaction on `<folder>/lock`, which the
 * operating system gives up when the process dies, however it dies. A file with a process id would outlive a kill -9, and
 * in containers every process has the same id.
 *
 * Nothing else in the process may open the file: closing any descriptor of it would drop the lock (POSIX `fcntl`).
 *
 * @throws SluiceError `log-locked` if somebody else holds it, `config-invalid` if it is no folder that can be written, or the file is damaged.
 */
export function lockFolder(folder: string): FolderLock {
  const database = openLock(folder)
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (sqliteDamaged.includes(resultCode(error))) throw damaged(folder, error)
    if (resultCode(error) !== sqliteBusy) throw unusable(folder, error)
    throw new SluiceError(
      'log-locked',
      `the data folder ${path.resolve(folder)} is in use by another running Sluice`,
      error,
    )
  }
  held.add(database)
  return {
    release() {
      held.delete(database)
      // Closing rolls the transaction back. Twice is harmless.
      if (database.isOpen) database.close()
    },
  }
}

function openLock(folder: string): DatabaseSync {
  try {
    diskStorage.makeFolder(folder)
    return new DatabaseSync(path.join(folder, 'lock'))
  } catch (error) {
    throw unusable(folder, error)
  }
}

/** Whether somebody holds a file that SQLite cannot read, nobody can tell; whoever looks after the machine can. */
function damaged(folder: string, error: unknown): SluiceError {
  const file = path.join(path.resolve(folder), 'lock')
  return new SluiceError(
    'config-invalid',
    `the file ${file} is damaged; it holds no data: remove it if no other Sluice runs on this data folder`,
    error,
  )
}

/** Whatever the system says of the folder, whoever chose it must hear which one it is. */
function unusable(folder: string, error: unknown): SluiceError {
  const isFile =
    error instanceof Error && 'code' in error && ['EEXIST', 'ENOTDIR'].includes(String(error.code))
  const why = isFile
    ? 'it is a file, or lies below one'
    : error instanceof Error
      ? error.message
      : String(error)
  return new SluiceError(
    'config-invalid',
    `the data folder ${path.resolve(folder)} cannot be used: ${why}; choose another with --data FOLDER`,
    error,
  )
}

function resultCode(error: unknown): unknown {
  return error instanceof Error && 'errcode' in error ? error.errcode : undefined
}
