import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { booksFaults } from '../api/books.ts'
import { addDocumentation } from '../api/documentation.ts'
import { addIngest } from '../api/ingest/ingest.ts'
import { addLiveRoute } from '../api/live-route.ts'
import { addMetrics, createMetrics } from '../api/metrics.ts'
import { addMqttRoute, mqttPath } from '../api/mqtt-route.ts'
import { addOperations } from '../api/operations.ts'
import { addRest } from '../api/rest/rest.ts'
import { addReplays } from '../api/rest/replays.ts'
import { addTop } from '../api/rest/top.ts'
import { createServer } from '../api/server.ts'
import type { Snapshot } from '../api/snapshot.ts'
import { statusAnswer } from '../api/status.ts'
import { addWebApp } from '../api/web-app.ts'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import type { Route } from '../core/format.ts'
import { SluiceError } from '../core/errors.ts'
import { keyedStreams } from '../core/keyed-state.ts'
import { letterReplaysStream } from '../core/letter-replay.ts'
import { namePattern } from '../core/pattern.ts'
import { createFormats } from '../formats/table.ts'
import { createRouter } from '../formats/topics.ts'
import { createIntake, type GroupCommitIntake } from '../intake/intake.ts'
import { systemClock } from '../lib/clock.ts'
import { lockFolder } from '../lib/folder-lock.ts'
import { TemporaryFolder } from '../lib/temporary-folder.ts'
import { version } from '../lib/version.ts'
import { LiveHub } from '../live/hub.ts'
import { WebSocketDoor } from '../live/websocket.ts'
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
import { liveSource } from './live-source.ts'
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

  const log = await openEmbeddedLog(logFolder, {
    segmentBytes: config.log.segmentBytes,
    maxBytes: config.log.maxBytes,
    retentionSeconds: config.log.retentionDays * 86_400,
    reserveBytes: config.log.diskReserveBytes,
    groups,
    onDamage: (damage) =>
      logger.error({ ...damage }, 'a part of the log is damaged; its neighbours are delivered'),
  })
  const { damagedFrames, tornTails } = log.status()
  if (damagedFrames > 0) logger.error({ damagedFrames }, 'the log was opened with damaged frames')
  if (tornTails > 0) logger.warn({ tornTails }, 'the log ends torn or empty: numbering has jumped')
  warnOfRenewal(log, logger)
  const metrics = createMetrics(() => snapshot(), storeNames[0])
  const measurements = new Measurements(metrics, systemClock, storeNames)
  const { maxBytes: maxLetterBytes, maxBytesPerDevice = maxLetterBytes / 10 } = config.deadLetters
  const maxIntakeBytes = config.memoryBudgetBytes / 4
  built.defer(() => log.close())
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
        processors: stream === 'readings' ? (config.pipelines[name]?.processors ?? []) : [],
      })),
      onEvent: (level, message) => logger[level]({ store: name }, message),
      onStatus: measurements.pipeline,
      sourceOf: (other) => targets.get(other)?.copies,
    })
    store.start()
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

  // Doors and sources begin where the last run ended.
  const { kept, keeper } = await openKeptState(log, {
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
  built.defer(() => keeper.stop())
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

  const server = createServer({
    authorizer: localAuthorizer,
    hosts: config.http.hosts,
    origins: config.http.origins,
    maxBodyBytes: config.limits.batchBytes,
    report: (error, requestId) => logger.error({ err: error, requestId }, 'a request failed'),
  })
  await addDocumentation(server, version)
  const maxHeldBytes = Math.max(3 * config.limits.batchBytes, config.memoryBudgetBytes / 8)
  const http = addIngest(server, {
    intake,
    format,
    protobufOf: formats.protobufOf,
    limits: config.limits,
    maxHeldBytes,
  })
  const [mainStore] = stores
  if (mainStore !== undefined) {
    const passed: StoreProcess['passed'] = (...asked) => mainStore.passed(...asked)
    built.defer(countLetters({ intake, store: mainStore.queries, passed }))
    addRest(server, {
      store: mainStore.queries,
      position: async () => {
        const state = await mainStore.queries.state(log.id, 0)
        return state?.position ?? { log: log.id, partition: 0, next: log.status().first }
      },
      passed,
      intake,
      authorizer: localAuthorizer,
      router,
      formats: formats.named,
      sinks: new Map(stores.map((store) => [store.name, store])),
      writingSinks: new Set(Object.keys(config.sinks)),
      clock: systemClock,
      limits: config.limits,
      temporary: new TemporaryFolder(path.join(config.data, 'exports')),
      minFreeBytes: 2 * config.log.diskReserveBytes,
      seriesOfTopic: (topic) => seriesOf(router.route(encoder.encode(topic), 0, Buffer.byteLength(topic))),
    })
  }
  addReplays(server, { desk: replays, clock: systemClock })
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

  const hub = new LiveHub(liveSource(log), { subscriptionsPerClient: config.live.maxSubscriptions })
  const live = new WebSocketDoor(hub, config.live, systemClock)
  addLiveRoute(server, config.live.maxFrameBytes, (socket, stream) => live.serve(socket, stream))
  if (config.mqtt.webSocket) addMqttRoute(server, config.mqtt.maxPacketBytes, mqtt.webSocket)
  await addWebApp(server, webFolder)
  const parts = { log, intake, mqtt, http, live, sources, stores, sinks, keeper, replays }
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
  addOperations(server, { ...healthOf(parts), status: () => statusAnswer(snapshot()) })
  addMetrics(server, metrics)
  const booksWatch = new BooksWatch(() => booksFaults(snapshot()), logger)
  built.defer(() => booksWatch.stop())
  addTop(server, { snapshot, watch: () => mqtt.watch(), clock: systemClock })

  const stopping = new AbortController()
  const gateway = mqtt.run(intake, stopping.signal)
  gateway.catch(() => undefined) // `listening` tells of it
  // Doors close first and together: nothing is acknowledged that the parts behind them could still lose.
  built.defer(async () => {
    stopping.abort()
    hub.close()
    await Promise.all([
      gateway.catch(() => undefined),
      server.close(),
      ...sources.map((source) => source.stop()),
    ])
  })
  const mqttAddress = await mqtt.listening()
  await listen(server, config.http)
  const httpAddress = server.addresses()[0] as AddressInfo // it listens on TCP
  addresses['http'] = `http://${httpAddress.address}:${httpAddress.port}`
  addresses['mqtt'] = `mqtt://${mqttAddress.address}:${mqttAddress.port}`
  const tlsAddress = mqtt.tlsAddress()
  if (tlsAddress !== undefined) addresses['mqtts'] = `mqtts://${tlsAddress.address}:${tlsAddress.port}`
  if (config.mqtt.webSocket)
    addresses['mqtt-ws'] = `ws://${httpAddress.address}:${httpAddress.port}${mqttPath}`

  for (const source of sources) source.start()

  const running = built.move()
  return {
    config,
    ...parts,
    server,
    addresses,
    died: Promise.race([log.died, keeper.died, gateway.then(() => new Promise<never>(() => {}))]),
    stop: () => running.disposeAsync(),
    kill() {
      for (const store of stores) store.kill()
    },
  }
}

/** @throws SluiceError `config-invalid` where the address is taken or not ours. */
async function listen(server: FastifyInstance, { host, port }: Config['http']): Promise<void> {
  try {
    await server.listen({ host, port })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new SluiceError(
      'config-invalid',
      `http cannot listen on ${host}:${port}: ${why}; choose another with --set http.port=N`,
      error,
    )
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

const encoder = new TextEncoder()

/** The series that a bare value on the topic belongs to. */
function seriesOf(route: Route | undefined): { device: string; metric: string } | undefined {
  return route?.device === undefined || route.metric === undefined
    ? undefined
    : { device: route.device, metric: route.metric }
}

/** What a replay gives a sink: its streams, by the processors that live rows go through. */
function replayedStreams(config: Config, name: string, streams: readonly string[]): ReplayTarget['streams'] {
  const processors = config.pipelines[name]?.processors ?? []
  return streams
    .filter((stream) => stream !== letterReplaysStream)
    .map((stream) => ({ stream, processors: stream === 'readings' ? processors : [] }))
}

/** Where `npm run build` puts the web app. */
const webFolder = path.resolve(import.meta.dirname, '../../web/dist')

const groupOf = (store: string, stream: string) => `${store}/${stream}`

/** Of the sinks that keep state, on /status. */
const stateName = 'state'
