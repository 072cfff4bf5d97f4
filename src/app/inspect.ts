import path from 'node:path'
import { diskStorage } from '../lib/storage.ts'
import { inspectLog, type SegmentReport } from '../log/embedded/inspect.ts'

/** What the log of a data folder holds, segment by segment; also beside a running Sluice. */
export function inspectData(dataFolder: string): SegmentReport[] {
  return [...inspectLog(diskStorage, path.join(dataFolder, 'log'))]
}
