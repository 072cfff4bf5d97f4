import { configSchema } from '../app/config/config.ts'
import { loadConfig } from '../app/config/load.ts'
import type { PipelineStatus } from '../app/pipeline/runner.ts'
import { replayOffline } from '../app/replay.ts'
import { type ConfigOptions, configSources } from './config-options.ts'
import { exitCode, usage } from './failure.ts'

export interface ReplayOptions extends ConfigOptions {
  readonly into: string
}

/** `sluice replay --into NAME`: fills an empty embedded store from the log, while Sluice is stopped. */
export async function replay(options: ReplayOptions): Promise<number> {
  const name = configSchema.shape.stores.unwrap().keyType.safeParse(options.into)
  if (!name.success) throw usage(`--into ${options.into}: ${name.error.issues[0]?.message}`)
  const config = await loadConfig(configSources(options))
  const stop = new AbortController()
  process.once('SIGINT', () =>
    stop.abort(new Error('stopped; the store holds a part of the log and can be removed')),
  )
  const results = await replayOffline(config, options.into, showProgress, stop.signal)
  for (const { stream, books } of results) {
    const { handed, stored, repeated, overwritten, damaged } = books
    process.stdout.write(
      `${stream}: handed ${handed}, stored ${stored}, repeated ${repeated}, overwritten ${overwritten}, damaged ${damaged}\n`,
    )
  }
  return exitCode.ok
}

function showProgress({ stream, position }: PipelineStatus, goal: bigint): void {
  if (!process.stderr.isTTY || position === undefined || goal === 0n) return
  process.stderr.write(`\r\x1b[K${stream} ${(Number((position.next * 1000n) / goal) / 10).toFixed(1)} %`)
  if (position.next >= goal) process.stderr.write('\r\x1b[K')
}
