import path from 'node:path'
import { SluiceError } from '../../core/errors.ts'
import { openStore } from '../../stores/table.ts'
import type { Config } from '../config/config.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'
import { fillStore, type FillResult } from './fill-store.ts'
import { noLetters, openStopped, storeStreams, takeStopped } from './stopped-log.ts'

/**
 * Fills an empty embedded store of the data folder from the log, while Sluice is stopped. Nothing of the log is removed meanwhile.
 * @throws SluiceError `log-locked` if Sluice runs, `bad-request` if there is no log or the store is not empty.
 */
export async function fillStopped(
  config: Config,
  name: string,
  onProgress: (status: PipelineStatus, goal: bigint) => void,
  signal: AbortSignal,
): Promise<FillResult[]> {
  await using opened = new AsyncDisposableStack()
  const log = await openStopped(config, takeStopped(config, opened), opened)
  const { type, options } = config.stores[name] ?? { type: 'duckdb', options: {} }
  const store = await openStore(type, options, { name, dataFolder: config.data })
  opened.defer(() => store.store.close())
  try {
    return await fillStore(store, name, log, storeStreams(log), noLetters, onProgress, signal)
  } catch (error) {
    throw error instanceof SluiceError && error.code === 'bad-request' ? advised(error, config, name) : error
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
