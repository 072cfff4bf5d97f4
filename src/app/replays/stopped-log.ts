import path from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import { keyedStreams } from '../../core/keyed-state.ts'
import { letterReplaysStream } from '../../core/letter-replay.ts'
import { lockFolder } from '../../lib/folder-lock.ts'
import { diskStorage } from '../../lib/storage.ts'
import { type EmbeddedLog, openEmbeddedLog } from '../../log/embedded/log.ts'
import type { Config } from '../config/config.ts'
import type { Letters } from '../pipeline/letters.ts'

/** Streams that are not documents for people. The rows of replayed letters a store takes when it is fed live, from the first on. */
const notForStores: readonly string[] = [...keyedStreams, letterReplaysStream]

/** Streams of the log that a store keeps. */
export function storeStreams(log: EmbeddedLog): string[] {
  return Object.keys(log.status().rows).filter((stream) => !notForStores.includes(stream))
}

/** While Sluice is stopped there is nobody to keep one. */
export const noLetters: Letters = {
  put: () =>
    Promise.reject(new Error('the store refused a row; a replay beside a running Sluice keeps dead letters')),
}

/**
 * Takes the data folder of a Sluice that is stopped, until `opened` is disposed of. Returns the folder of its log.
 * @throws SluiceError `log-locked` if it runs, `bad-request` if there is no log.
 */
export function takeStopped(config: Config, opened: AsyncDisposableStack): string {
  const folder = path.join(config.data, 'log')
  // Else a mistyped folder would be made, and its empty log replayed.
  if (diskStorage.list(folder).length === 0)
    throw new SluiceError('bad-request', `there is no log in ${config.data}`)
  const lock = lockFolder(config.data)
  opened.defer(() => lock.release())
  return folder
}

/** Its log, of which nothing is removed meanwhile. */
export async function openStopped(
  config: Config,
  folder: string,
  opened: AsyncDisposableStack,
): Promise<EmbeddedLog> {
  const log = await openEmbeddedLog(folder, {
    segmentBytes: config.log.segmentBytes,
    maxBytes: Number.POSITIVE_INFINITY,
    retentionSeconds: Number.POSITIVE_INFINITY,
    reserveBytes: 0,
    groups: ['replay'],
  })
  opened.defer(() => log.close())
  return log
}
