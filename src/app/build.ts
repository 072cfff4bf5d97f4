import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { booksFaults } from '../api/books.ts'
import { mqttPath } from '../api/mqtt-route.ts'
import type { Snapshot } from '../api/snapshot.ts'
import { statusAnswer } from '../api/status.ts'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import { keyedStreams } from '../core/keyed-state.ts'
import { letterReplaysStream } from '../core/letter-replay.ts'
import { namePattern } from '../core/pattern.ts'
import { createFormats } from '../formats/table.ts'
import { createRouter } from '../formats/topics.ts'
import { createIntake, type GroupCommitIntake } from '../intake/intake.ts'
import { systemClock } from '../lib/clock.ts'
import { lockFolder } from '../lib/folder-lock.ts'
import { type EmbeddedLog, openEmbeddedLog } from '../log/embedded/log.ts'
import { createProcessors } from '../processors/table.ts'
import { createSink, replaySinks } from '../sinks/table.ts'
import { createMqttGateway, type MqttGateway } from '../sources/mqtt/gateway.ts'
import { createSource } from '../sources/table.ts'
import { BooksWatch } from './books-watch.ts'
import type { Config } from './config/config.ts'
import { instanceOf } from './instance.ts'
import { openKeptState, type StateKeeper } from './kept-state/kept-state.ts'
import { countLetters } from './letter-count.ts'
import { Measurements } from './measurements.ts'
import type { PipelineStatus } from './pipeline/runner.ts'
import { toldStatus } from './pipeline/told-status.ts'
import { type ReplayTarget, sinkTarget, storeTarget } from './replays/replay-targets.ts'
import { Replays, replaysGroup } from './replays/replays.ts'
import { SinkPipeline } from './sink-pipeline.ts'
import { SourceRunner } from './source-runner.ts'
import { healthOf, snapshotOf } from './status.ts'
import { StoreProcess } from './store-process/store-process.ts'

/** Everything that runs, in the order it was built; `stop` takes it down in reverse. */
export interface Sluice {
  readonly config: Config
  readonly log: EmbeddedLog
  readonly intake: GroupCommitIntake
  readonly mqtt: MqttGateway
  readonly stores: readonly StoreProcess[]
  readonly sinks: readonly SinkPipeline[]
  readonly keeper: StateKeeper
  readonly sources: readonly SourceRunner[]
  readonly server: FastifyInstance
  /** Where it can be reached, for people. */
  readonly addresses: Readonly<Record<string, string>>
  /** Resolves with the cause if a part dies that nothing can go on without. */
  readonly died: Promise<Error>
  /** Stops accepting, lets acknowledgements drain, finishes writes, syncs and closes. Nothing acknowledged is lost either way. */
  stop(): Promise<void>
  /** Ends the store processes at once. */
  kill(): void
}

/** Streams that an embedded store takes: readings, the documents that people ask for, and rows that it refused and gets again. */
const storedStreams = ['readings', 'dead-letters', 'posts', 'device-logs', letterReplaysStream] as const
const isOfDocuments = (stream: string): boolean => stream !== 'readings' && stream !== letterReplaysStream
/** A write costs a store some 10 ms however small it is. Where a few of many messages are bad, each commit would bring one beside that of the readings. */
const documentsRestMs = 100

/**
 * The composition root: builds every part and hands each only the interfaces it needs. Read this to see the whole system:
 * sources → formats → intake → log → pipelines → stores.
 */
export async function buildSluice(config: Config, logger: Logger): Promise<Sluice> {
  // What is built is taken down in reverse: when Sluice stops, or when building fails half-way.
  await using built = new AsyncDisposableStack()
  const lock = lockFolder(config.data)
  built.defer(() => lock.release())
  const logFolder = path.join(config.data, 'log')
  const storeNames = Object.keys(config.stores)
  const groups = [
    ...storeNames.flatMap((name) => storedStreams.map((stream) => groupOf(name, stream))),
    ...Object.keys(config.sinks).map((name) => groupOf(name, 'readings')),
    ...keyedStreams.map((stream) => groupOf(stateName, stream)),
    replaysGroup,
  ]

  const opening = openEmbeddedLog(logFolder, {
    segmentBytes: config.log.segmentBytes,
    maxBytes: config.log.maxBytes,
    retentionSeconds: config.log.retentionDays * 86_400,
    reserveBytes: config.log.diskReserveBytes,
    groups,
    onDamage: (damage) =>
      logger.error({ ...damage }, 'a part of the log is damaged; its neighbours are delivered'),
  })
  opening.catch(() => undefined) // awaited below
  // Loaded while the log's thread opens it: half of a start is loading.
  const [{ createMetrics }, { HttpDoor }] = await Promise.all([
    import('../api/metrics.ts'),
    import('./http-door.ts'),
  ])
  const log = await opening
  built.defer(() => log.close())
  const { damagedFrames, tornTails } = log.status()
  if (damagedFrames > 0) logger.error({ damagedFrames }, 'the log was opened with damaged frames')
  if (tornTails > 0) logger.warn({ tornTails }, 'the log ends torn or empty: numbering has jumped')
  warnOfRenewal(log, logger)
  const metrics = createMetrics(() => snapshot(), storeNames[0])
  const measurements = new Measurements(metrics, systemClock, storeNames)
  const { maxBytes: maxLetterBytes, maxBytesPerDevice = maxLetterBytes / 10 } = config.deadLetters
  const maxIntakeBytes = config.memoryBudgetBytes / 4
  const intake = createIntake(measurements.log(log), systemClock, log.start, {
    limits: {
      series: config.limits.series,
      seriesPerDevice: config.limits.seriesPerDevice,
      nameBytes: config.limits.topicBytes,
    },
    rules: config.series.declare.map(({ device, metric, kind, unit }) => {
      const [isDevice, isMetric] = [namePattern(device), namePattern(metric)]
      return { matches: (d: string, m: string) => isDevice(d) && isMetric(m), kind, unit }
    }),
    strict: config.series.strict,
    maxRows: config.log.maxRows,
    lingerMs: config.log.lingerMs,
    maxBytes: maxIntakeBytes,
    deadLetters: { maxBytes: maxLetterBytes, maxBytesPerDevice },
  })

  built.defer(() => intake.close())

  const targets = new Map<string, ReplayTarget>()
  const stores = Object.entries(config.stores).map(([name, { type, options }]) => {
    const store = new StoreProcess(log, intake, {
      name,
      type,
      options,
      dataFolder: config.data,
      logFolder,
      pipelines: storedStreams.map((stream) => ({
        stream,
        group: groupOf(name, stream),
        // Rows of replayed letters are of many streams: each is a write of its own.
        maxRows: stream === letterReplaysStream ? 1 : config.pipeline.maxRows,
        lingerMs: config.pipeline.lingerMs,
        restMs: isOfDocuments(stream) ? documentsRestMs : undefined,
        processors: stream === 'readings' ? (config.pipelines[name]?.processors ?? []) : [],
      })),
      onEvent: (level, message) => logger[level]({ store: name }, message),
      onStatus: measurements.pipeline,
      sourceOf: (other) => targets.get(other)?.copies,
    })
    targets.set(name, storeTarget(store, replayedStreams(config, name, storedStreams)))
    built.defer(() => store.stop())
    return store
  })

  const sinks = await Promise.all(
    Object.entries(config.sinks).map(async ([name, { type, options }]) => {
      const sink = await createSink(type, name, options, config.data)
      const processors = await createProcessors(config.pipelines[name]?.processors ?? [])
      const group = groupOf(name, 'readings')
      const onStatus = (status: PipelineStatus, before: PipelineStatus) => {
        measurements.pipeline(status, before)
        const told = toldStatus(status, before)
        if (told !== undefined) logger[told.level]({ sink: name }, told.message)
      }
      const pipeline = new SinkPipeline(log, intake, sink, 'readings', group, processors, onStatus)
      built.defer(() => pipeline.stop())
      const open = await replaySinks(type, name, options, config.data)
      const failed = (error: unknown) => logger.error({ err: error, sink: name }, 'a replay has failed')
      const streams = replayedStreams(config, name, ['readings'])
      if (open) targets.set(name, sinkTarget(log, intake, pipeline, streams, open, failed))
      return pipeline
    }),
  )

  // Doors and sources begin where the last run ended. Its thread opens while the doors are built.
  const keeping = openKeptState(log, {
    name: stateName,
    groupOf: (stream) => groupOf(stateName, stream),
    file: path.join(config.data, 'state.db'),
    logFolder,
    onStatus(status, before) {
      measurements.pipeline(status, before)
      const told = toldStatus(status, before)
      if (told !== undefined) logger[told.level]({ sink: stateName }, told.message)
    },
    onSetAside: (file, reason) =>
      logger.error(
        { file, reason },
        'the state file was damaged: it is set aside, and a new one begins with what the log holds',
      ),
  })
  built.defer(async () => {
    const opened = await keeping.catch(() => undefined) // whoever waits for it below is told
    await opened?.keeper.stop()
  })
  const serving = HttpDoor.createServer(config, logger)
  serving.catch(() => undefined) // awaited below
  const { kept, keeper } = await keeping
  const replays = new Replays({
    log,
    logFolder,
    intake,
    clock: systemClock,
    targets,
    onEvent: (level, message) => logger[level](message),
  })
  replays.restore(kept.state)
  built.defer(() => replays.stop())

  const formats = createFormats(config.limits)
  const format = formats.json
  const rules = config.topics.map((rule) =>
    typeof rule === 'string' ? rule : { topic: rule.topic, format: formats[rule.format] },
  )
  const router = createRouter(rules, config.limits)
  const mqtt = createMqttGateway({
    config: config.mqtt,
    router,
    format,
    formats: formats.named,
    authorizer: localAuthorizer,
    clock: systemClock,
    limits: config.limits,
    logger: logger.child({ door: 'mqtt' }),
    kept,
  })

  const door = new HttpDoor(await serving, {
    ...{ config, log, intake, stores, formats, router, replays },
    mqtt: mqtt.webSocket,
  })
  const [mainStore] = stores
  if (mainStore !== undefined) {
    const passed: StoreProcess['passed'] = (...asked) => mainStore.passed(...asked)
    built.defer(countLetters({ intake, store: mainStore.queries, passed }))
  }
  const instance = await instanceOf(config.data)
  const sources = await Promise.all(
    Object.entries(config.sources).map(async ([name, { type, options }]) => {
      const log = logger.child({ source: name })
      const source = await createSource(type, options, {
        name,
        formats: formats.named,
        router,
        limits: config.limits,
        clock: systemClock,
        logger: log,
        state: kept.state,
        instance,
      })
      return new SourceRunner(type, source, intake, systemClock, log)
    }),
  )

  const parts = {
    log,
    intake,
    mqtt,
    http: door.ingest,
    live: door.live,
    sources,
    stores,
    sinks,
    keeper,
    replays,
  }
  const started = systemClock.monotonicMs()
  const addresses: Record<string, string> = {}
  const snapshot = (): Snapshot =>
    snapshotOf(parts, {
      uptimeMs: systemClock.monotonicMs() - started,
      addresses,
      lagSeconds: measurements.lagSeconds,
      batchesWritten: measurements.batchesWritten,
      topics: rules.map((rule) => (typeof rule === 'string' ? rule : rule.topic)),
      maxIntakeBytes,
      maxDeadLetterBytes: maxLetterBytes,
    })
  const booksWatch = new BooksWatch(() => booksFaults(snapshot()), logger)
  built.defer(() => booksWatch.stop())

  const stopping = new AbortController()
  const gateway = mqtt.run(intake, stopping.signal)
  gateway.catch(() => undefined) // `listening` tells of it
  // Doors close first and together: nothing is acknowledged that the parts behind them could still lose.
  built.defer(async () => {
    stopping.abort()
    await Promise.all([
      gateway.catch(() => undefined),
      door.close(),
      ...sources.map((source) => source.stop()),
    ])
  })
  const mqttAddress = await mqtt.listening()
  const httpAddress = await door.listen({
    operations: { ...healthOf(parts), status: () => statusAnswer(snapshot()) },
    metrics,
    top: { snapshot, watch: () => mqtt.watch() },
  })
  addresses['http'] = `http://${httpAddress.address}:${httpAddress.port}`
  addresses['mqtt'] = `mqtt://${mqttAddress.address}:${mqttAddress.port}`
  const tlsAddress = mqtt.tlsAddress()
  if (tlsAddress !== undefined) addresses['mqtts'] = `mqtts://${tlsAddress.address}:${tlsAddress.port}`
  if (config.mqtt.webSocket)
    addresses['mqtt-ws'] = `ws://${httpAddress.address}:${httpAddress.port}${mqttPath}`

  // Stores begin when the doors are open: what comes meanwhile waits in the log, and devices do not wait for them.
  for (const store of stores) store.start()
  for (const source of sources) source.start()

  const running = built.move()
  return {
    config,
    ...parts,
    server: door.server,
    addresses,
    died: Promise.race([log.died, keeper.died, gateway.then(() => new Promise<never>(() => {}))]),
    stop: () => running.disposeAsync(),
    kill() {
      for (const store of stores) store.kill()
    },
  }
}

/** Somebody has put back an older copy of the log: they must hear of it. */
function warnOfRenewal(log: EmbeddedLog, logger: Logger): void {
  const { renewed } = log
  renewed.addEventListener(
    'abort',
    () => {
      logger.error({ err: renewed.reason }, 'the log was an older copy of itself and has another id')
      warnOfRenewal(log, logger)
    },
    { once: true },
  )
}

/** What a replay gives a sink: its streams, by the processors that live rows go through. */
function replayedStreams(config: Config, name: string, streams: readonly string[]): ReplayTarget['streams'] {
  const processors = config.pipelines[name]?.processors ?? []
  return streams
    .filter((stream) => stream !== letterReplaysStream)
    .map((stream) => ({ stream, processors: stream === 'readings' ? processors : [] }))
}

const groupOf = (store: string, stream: string) => `${store}/${stream}`

/** Of the sinks that keep state, on /status. */
const stateName = 'state'
