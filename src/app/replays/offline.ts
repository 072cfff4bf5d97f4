import { SluiceError } from '../../core/errors.ts'
import type { ReplayBound } from '../../core/replay.ts'
import type { Sink, SinkBooks } from '../../core/sink.ts'
import { systemClock } from '../../lib/clock.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import { createProcessors } from '../../processors/table.ts'
import { replaySinks } from '../../sinks/table.ts'
import { type OpenStore, openStore } from '../../stores/table.ts'
import type { Config } from '../config/config.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'
import { editsStream, runCopy } from './copy-run.ts'
import { boundsOf } from './replay-bounds.ts'
import { type ReplayParts, runReplay } from './replay-run.ts'
import { noLetters, openStopped, storeStreams, takeStopped } from './stopped-log.ts'

/** What is replayed while Sluice is stopped. */
export interface OfflineReplay {
  readonly sink: string
  readonly fromStore?: string | undefined
  readonly from?: ReplayBound | undefined
  readonly to?: ReplayBound | undefined
  readonly rate?: number | undefined
  /** With the name and the bounds, or the store, of an earlier one that was cut short, it goes on from there. */
  readonly name?: string | undefined
}

export interface OfflinePart {
  readonly stream: string
  readonly books: SinkBooks
}

const maxRetries = 20
/**
 * The same replays as of a running Sluice, in this process. Nothing of the log is removed meanwhile.
 * @throws SluiceError `log-locked` if Sluice runs, `not-found` for an unknown sink, `bad-request` where there is no log or it does not hold what is asked
 * for, `conflict` where the one of that name and those bounds has ended.
 */
export async function replayStopped(
  config: Config,
  ask: OfflineReplay,
  onStatus: (status: PipelineStatus) => void,
  signal: AbortSignal,
): Promise<OfflinePart[]> {
  await using opened = new AsyncDisposableStack()
  const logFolder = takeStopped(config, opened)
  const found = new Map<number, PipelineStatus>()
  const failed = new AbortController()
  const watch = (status: PipelineStatus, part: number) => {
    found.set(part, status)
    onStatus(status)
    // Somebody waits for this: better a clear answer than trying for ever.
    if (status.state === 'down' || status.retries >= maxRetries)
      failed.abort(new SluiceError('store-refused', status.error ?? `${status.stream}: it takes nothing`))
  }
  const either = AbortSignal.any([signal, failed.signal])
  const open = (name: string) => openConfigured(config, name, opened)
  if (ask.fromStore === undefined) await replayLog(config, logFolder, ask, open, opened, watch, either)
  else await copyStore(ask.fromStore, ask, open, watch, either)
  either.throwIfAborted()
  return [...found.values()].map(({ stream, books }) => ({ stream, books }))
}

type Open = (name: string) => Promise<OpenStore>
type Watch = (status: PipelineStatus, part: number) => void

async function openConfigured(
  config: Config,
  name: string,
  opened: AsyncDisposableStack,
): Promise<OpenStore> {
  const found = config.stores[name]
  if (found === undefined)
    throw new SluiceError(
      'not-found',
      `there is no store ${name}; there are: ${Object.keys(config.stores).join(', ')}`,
    )
  const store = await openStore(found.type, found.options, { name, dataFolder: config.data })
  opened.defer(() => store.store.close())
  return store
}

async function replayLog(
  config: Config,
  logFolder: string,
  ask: OfflineReplay,
  open: Open,
  opened: AsyncDisposableStack,
  watch: Watch,
  signal: AbortSignal,
): Promise<void> {
  const log = await openStopped(config, logFolder, opened)
  const { from, until } = await boundsOf(log, logFolder, ask.from, ask.to)
  const lane = laneOf(ask, `${from.toString(36)}-${until.toString(36)}`)
  const processors = config.pipelines[ask.sink]?.processors ?? []
  const sink = await sinkOf(config, ask.sink, lane, open, opened)
  const streams = sink.streams(log).map((stream) => ({
    stream,
    group: `replay/${stream}`,
    processors: stream === 'readings' ? processors : [],
  }))
  const places = streams.map(({ stream }) => ({ sink: sink.sink(stream, lane), log: log.id, partition: 0 }))
  const before = await handedTo(places)
  const parts: ReplayParts = {
    name: ask.sink,
    log: log.id,
    sink: sink.sink,
    admit: async () => {}, // nothing runs that could have taken more than the log holds
    consume: (stream, group, options, aborted) => log.consume(stream, group, options, aborted),
    acknowledge: () => {},
    processors: (stream) => createProcessors(stream.processors),
    isLiveBehind: () => false,
    letters: noLetters,
    clock: systemClock,
    onStatus: watch,
  }
  const isDone = await runReplay({ lane, streams, from, until, rate: ask.rate }, parts, signal)
  if (isDone && before > 0 && (await handedTo(places)) === before)
    throw ended(ask, `with the numbers ${from} to ${until}`)
}

async function copyStore(
  fromStore: string,
  ask: OfflineReplay,
  open: Open,
  watch: Watch,
  signal: AbortSignal,
): Promise<void> {
  if (fromStore === ask.sink) throw new SluiceError('bad-request', `${fromStore} has its own rows`)
  const source = (await open(fromStore)).copy
  const target = await open(ask.sink)
  const { copy } = target
  if (source === undefined || copy === undefined)
    throw new SluiceError('bad-request', 'a store of this type is not copied')
  const parts = await source.parts(signal)
  const order = { lane: laneOf(ask, fromStore), fromStore, parts, rate: ask.rate }
  const places = parts.map(({ kind, stream, log, partition }) => {
    const sink = target.replaySink(order.lane, kind === 'edits' ? editsStream : stream)
    return { sink, log, partition }
  })
  const before = await handedTo(places)
  const isDone = await runCopy(
    order,
    {
      name: ask.sink,
      sink: (stream, lane) => target.replaySink(lane, stream),
      adopt: (logs, lane) => copy.adopt(logs, lane),
      scan: (_store, part, from, aborted) => source.scan(part, from, aborted),
      isLiveBehind: () => false,
      letters: noLetters,
      clock: systemClock,
      onStatus: watch,
    },
    signal,
  )
  if (isDone && before > 0 && (await handedTo(places)) === before)
    throw ended(ask, `of ${fromStore}, which has nothing more,`)
}

/** `what` stands in the name of the place: another one of that name, with other bounds, does not go on from there. */
function laneOf({ name, sink }: OfflineReplay, what: string): string {
  return name === undefined ? `${sink}@${systemClock.now().toString(36)}` : `${name}@stopped-${what}`
}

interface Place {
  readonly sink: Sink
  readonly log: string
  readonly partition: number
}

/** Rows. One that gives none has ended before: where a stream had no rows, no position tells. */
async function handedTo(places: readonly Place[]): Promise<number> {
  let rows = 0
  for (const { sink, log, partition } of places) rows += (await sink.state(log, partition))?.books.handed ?? 0
  return rows
}

function ended({ name, sink }: OfflineReplay, what: string): SluiceError {
  return new SluiceError('conflict', `the replay ${name} to ${sink} ${what} has ended: choose another name`)
}

interface OfflineSink {
  streams(log: EmbeddedLog): readonly string[]
  readonly sink: ReplayParts['sink']
}

/** A store, or another sink with a place for this replay. */
async function sinkOf(
  config: Config,
  name: string,
  replay: string,
  open: Open,
  opened: AsyncDisposableStack,
): Promise<OfflineSink> {
  const { type, options } = config.sinks[name] ?? {}
  const openReplay = type === undefined ? undefined : await replaySinks(type, name, options, config.data)
  if (openReplay !== undefined) {
    const { sink } = openReplay(replay)
    opened.defer(() => sink.close())
    return { streams: () => ['readings'], sink: () => sink }
  }
  const store = await open(name)
  return {
    streams: storeStreams,
    sink: (stream, lane) => store.replaySink(lane, stream),
  }
}
