import { configSchema } from '../app/config/config.ts'
import { loadConfig } from '../app/config/load.ts'
import { readBound, type ReplayBound } from '../core/replay.ts'
import { systemClock } from '../lib/clock.ts'
import type { PipelineStatus } from '../app/pipeline/runner.ts'
import { fillStopped } from '../app/replays/fill-stopped.ts'
import { replayStopped } from '../app/replays/offline.ts'
import { configSources } from './config-options.ts'
import { exitCode, usage } from './failure.ts'
import { booksText, startReplay } from './replay-live.ts'
import type { ReplayOptions } from './replay-options.ts'

/** `sluice replay`: beside a running Sluice with `--sink`, while it is stopped with `--into`. */
export async function replay(options: ReplayOptions): Promise<number> {
  const { into, sink, fromStore, from, to } = options
  if (into !== undefined && sink !== undefined)
    throw usage(
      '--into fills an empty store while Sluice is stopped, --sink replays beside it: give one of them',
    )
  if (into !== undefined) return replayInto(into, options)
  if (
    fromStore !== undefined &&
    (from !== undefined || (sink ?? to) === undefined || (sink !== undefined && to !== undefined))
  )
    throw usage('a copy of a whole store is started with --from-store A --to B')
  if (sink === undefined && fromStore === undefined)
    throw usage('say where to: --sink NAME beside a running Sluice, or --into NAME while it is stopped')
  return options.offline === true ? replayWhileStopped(options) : startReplay(options)
}

/** The same in this process, while Sluice is stopped. */
async function replayWhileStopped(options: ReplayOptions): Promise<number> {
  const { fromStore, rate, name } = options
  if (name !== undefined) checkName('--name', name)
  const config = await loadConfig(configSources(options))
  const sink = options.sink ?? options.to ?? '' // one of them was given
  const bounds =
    fromStore === undefined ? { from: boundOf('--from', options.from), to: boundOf('--to', options.to) } : {}
  const stop = new AbortController()
  process.once('SIGINT', () =>
    stop.abort(new Error('stopped; with the same --name and bounds it goes on where it has come to')),
  )
  const ask = { sink, fromStore, ...bounds, rate, name }
  const parts = await replayStopped(config, ask, showRows, stop.signal)
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  for (const { stream, books } of parts) process.stdout.write(`${stream}: ${booksText({ ...books })}\n`)
  return exitCode.ok
}

function checkName(option: string, text: string): void {
  const name = configSchema.shape.stores.unwrap().keyType.safeParse(text)
  if (!name.success) throw usage(`${option} ${text}: ${name.error.issues[0]?.message}`)
}

function boundOf(option: string, text: string | undefined): ReplayBound | undefined {
  if (text === undefined) return undefined
  const bound = readBound(text, systemClock.now())
  if (bound === undefined) throw usage(`${option} ${text}: expected a live cursor, or a time such as -1h`)
  return bound
}

function showRows({ stream, books }: PipelineStatus): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${stream}: ${books.handed} rows`)
}

/** Fills an empty embedded store from the log, while Sluice is stopped. */
async function replayInto(into: string, options: ReplayOptions): Promise<number> {
  checkName('--into', into)
  const config = await loadConfig(configSources(options))
  const stop = new AbortController()
  process.once('SIGINT', () =>
    stop.abort(new Error('stopped; the store holds a part of the log and can be removed')),
  )
  const results = await fillStopped(config, into, showProgress, stop.signal)
  for (const { stream, books } of results) process.stdout.write(`${stream}: ${booksText({ ...books })}\n`)
  return exitCode.ok
}

function showProgress({ stream, position }: PipelineStatus, goal: bigint): void {
  if (!process.stderr.isTTY || position === undefined || goal === 0n) return
  process.stderr.write(`\r\x1b[K${stream} ${(Number((position.next * 1000n) / goal) / 10).toFixed(1)} %`)
  if (position.next >= goal) process.stderr.write('\r\x1b[K')
}
