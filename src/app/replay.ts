import path from 'node:path'
import { SluiceError } from '../core/errors.ts'
import { keyedStreams } from '../core/keyed-state.ts'
import { letterReplaysStream } from '../core/letter-replay.ts'
import { lockFolder } from '../lib/folder-lock.ts'
import { diskStorage } from '../lib/storage.ts'
import { openEmbeddedLog } from '../log/embedded/log.ts'
import { openStore } from '../stores/table.ts'
import type { Config } from './config/config.ts'
import type { PipelineStatus } from './pipeline/runner.ts'
import { type ReplayResult, replayInto } from './replay-into.ts'

/** Streams that are not documents for people. The rows of replayed letters a store takes when it is fed live, from the first on. */
export const notForStores: readonly string[] = [...keyedStreams, letterReplaysStream]

const noLetters = {
  put: () =>
    Promise.reject(new Error('the store refused a row; replay beside a running Sluice keeps dead letters')),
}

/**
 * Fills an empty embedded store of the data folder from the log, while Sluice is stopped. Nothing of the log is removed meanwhile.
 * @throws SluiceError `log-locked` if Sluice runs, `bad-request` if there is no log or the store is not empty.
 */
export async function replayOffline(
  config: Config,
  name: string,
  onProgress: (status: PipelineStatus, goal: bigint) => void,
  signal: AbortSignal,
): Promise<ReplayResult[]> {
  const logFolder = path.join(config.data, 'log')
  // Else a mistyped folder would be made, and its empty log replayed.
  if (diskStorage.list(logFolder).length === 0)
    throw new SluiceError('bad-request', `there is no log in ${config.data}`)
  const lock = lockFolder(config.data)
  const log = await openEmbeddedLog(logFolder, {
    segmentBytes: config.log.segmentBytes,
    maxBytes: Number.POSITIVE_INFINITY,
    retentionSeconds: Number.POSITIVE_INFINITY,
    reserveBytes: 0,
    groups: ['replay'],
  })
  const { type, options } = config.stores[name] ?? { type: 'duckdb', options: {} }
  const store = await openStore(type, options, { name, dataFolder: config.data })
  try {
    const streams = Object.keys(log.status().rows).filter((stream) => !notForStores.includes(stream))
    return await replayInto(store, name, log, streams, noLetters, onProgress, signal)
  } catch (error) {
    throw error instanceof SluiceError && error.code === 'bad-request' ? advised(error, config, name) : error
  } finally {
    await store.store.close()
    await log.close()
    lock.release()
  }
}

/** The store is not empty. A configured one is in use, and may hold what stands nowhere else: nobody is told to delete it. */
function advised(error: SluiceError, config: Config, name: string): SluiceError {
  const file = path.resolve(config.data, `${name}.duckdb`)
  const advice = config.stores[name]
    ? 'choose a name that no store of the configuration has'
    : `if a replay that was cut short left it, delete ${file} and ${file}.wal, or choose another name`
  return new SluiceError('bad-request', `${error.message}; ${advice}`, error)
}
