import path from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { systemClock } from '../lib/clock.ts'
import { lockFolder } from '../lib/folder-lock.ts'
import { diskStorage } from '../lib/storage.ts'
import { type ExportOptions, exportLog } from '../log/embedded/export.ts'
import { type Repaired, repairLog } from '../log/embedded/repair.ts'
import { type LogVerdict, verifyLog } from '../log/embedded/verify.ts'
import { linesOf } from '../sinks/file/lines.ts'

/** Goes through everything in the log of a data folder; also beside a running Sluice. @throws SluiceError `bad-request` if there is none. */
export function verifyData(dataFolder: string): LogVerdict {
  return verifyLog(diskStorage, logFolderOf(dataFolder))
}

/** Makes the log of a data folder whole. @throws SluiceError `log-locked` if Sluice runs, `bad-request` if there is no log. */
export function repairData(dataFolder: string): Repaired {
  const folder = logFolderOf(dataFolder)
  const lock = lockFolder(dataFolder)
  try {
    return repairLog(diskStorage, systemClock, folder)
  } finally {
    lock.release()
  }
}

/**
 * What the log of a data folder holds as NDJSON, in the form of a file sink; also beside a running Sluice. `onMissing` is told, in words, of rows that
 * are not there or cannot be read. @throws SluiceError `bad-request` if there is none, or not the stream.
 */
export function* exportData(
  dataFolder: string,
  options: ExportOptions,
  onMissing: (what: string) => void,
): Generator<string> {
  for (const found of exportLog(diskStorage, logFolderOf(dataFolder), options)) {
    if (found.kind === 'rows') yield linesOf(found.batch)
    else if (found.kind === 'damage')
      onMissing(`${found.file}: ${found.bytes} bytes at ${found.offset} are damaged and were passed over`)
    else if (found.kind === 'gap') onMissing(`numbers ${found.from} to ${found.to - 1} are missing`)
    else onMissing(`${found.rows} rows were left out: the names of their series are lost`)
  }
}

function logFolderOf(dataFolder: string): string {
  const folder = path.join(dataFolder, 'log')
  if (diskStorage.list(folder).length > 0) return folder
  throw new SluiceError('bad-request', `there is no log in ${dataFolder}; name the data folder with --data`)
}
