import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { addDocumentation } from '../api/documentation.ts'
import { addIngest, type IngestCounters } from '../api/ingest/ingest.ts'
import { addLiveRoute } from '../api/live-route.ts'
import { addMetrics, type Metrics } from '../api/metrics.ts'
import { addMqttRoute, type MqttSockets } from '../api/mqtt-route.ts'
import { addOperations, type Operations } from '../api/operations.ts'
import { addReplays } from '../api/rest/replays.ts'
import { addRest } from '../api/rest/rest.ts'
import { addTop, type TopParts } from '../api/rest/top.ts'
import { createServer } from '../api/server.ts'
import { addWebApp } from '../api/web-app.ts'
import { localAuthorizer } from '../auth/local-authorizer.ts'
import { SluiceError } from '../core/errors.ts'
import type { Route, Router } from '../core/format.ts'
import type { ReplayDesk } from '../core/replay.ts'
import type { Formats } from '../formats/table.ts'
import type { GroupCommitIntake } from '../intake/intake.ts'
import { systemClock } from '../lib/clock.ts'
import { TemporaryFolder } from '../lib/temporary-folder.ts'
import { version } from '../lib/version.ts'
import { LiveHub } from '../live/hub.ts'
import { WebSocketDoor } from '../live/websocket.ts'
import type { EmbeddedLog } from '../log/embedded/log.ts'
import type { Config } from './config/config.ts'
import { liveSource } from './live-source.ts'
import type { StoreProcess } from './store-process/store-process.ts'

export interface HttpDoorParts {
  readonly config: Config
  readonly log: EmbeddedLog
  readonly intake: GroupCommitIntake
  /** The first answers queries. */
  readonly stores: readonly StoreProcess[]
  readonly mqtt: MqttSockets
  readonly formats: Formats
  readonly router: Router
  readonly replays: ReplayDesk
}

/** What operators look at. */
export interface HttpDoorViews {
  readonly operations: Operations
  readonly metrics: Metrics
  readonly top: Omit<TopParts, 'clock'>
}

/**
 * Everything that speaks HTTP: ingest, REST, live, MQTT over WebSocket, the web app and what operators look at. Its libraries are the greater
 * part of what a start loads: whoever builds it imports this file when there is something to wait for.
 */
export class HttpDoor {
  readonly server: FastifyInstance
  /** What ingest has done. */
  readonly ingest: IngestCounters
  readonly live: WebSocketDoor
  readonly #hub: LiveHub
  readonly #config: Config['http']

  constructor(server: FastifyInstance, parts: HttpDoorParts) {
    const { config, intake, log, formats } = parts
    this.server = server
    this.#config = config.http
    this.ingest = addIngest(server, {
      intake,
      format: formats.json,
      protobufOf: formats.protobufOf,
      limits: config.limits,
      maxHeldBytes: Math.max(3 * config.limits.batchBytes, config.memoryBudgetBytes / 8),
    })
    addQueries(server, parts)
    addReplays(server, { desk: parts.replays, clock: systemClock })
    this.#hub = new LiveHub(liveSource(log), { subscriptionsPerClient: config.live.maxSubscriptions })
    this.live = new WebSocketDoor(this.#hub, config.live, systemClock)
    addLiveRoute(server, config.live.maxFrameBytes, (socket, stream) => this.live.serve(socket, stream))
    if (config.mqtt.webSocket) addMqttRoute(server, config.mqtt.maxPacketBytes, parts.mqtt)
  }

  /** What it is built on, which takes most of the time. */
  static async createServer(config: Config, logger: Logger): Promise<FastifyInstance> {
    const server = createServer({
      authorizer: localAuthorizer,
      hosts: config.http.hosts,
      origins: config.http.origins,
      maxBodyBytes: config.limits.batchBytes,
      report: (error, requestId) => logger.error({ err: error, requestId }, 'a request failed'),
    })
    await addDocumentation(server, version)
    await addWebApp(server, webFolder)
    return server
  }

  /** @throws SluiceError `config-invalid` where the address is taken or not ours. */
  async listen({ operations, metrics, top }: HttpDoorViews): Promise<AddressInfo> {
    const { server } = this
    addOperations(server, operations)
    addMetrics(server, metrics)
    addTop(server, { ...top, clock: systemClock })
    const { host, port } = this.#config
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
    return server.addresses()[0] as AddressInfo // it listens on TCP
  }

  async close(): Promise<void> {
    this.#hub.close()
    await this.server.close()
  }
}

/** The routes that ask a store. */
function addQueries(
  server: FastifyInstance,
  { config, intake, log, stores, formats, router }: HttpDoorParts,
): void {
  const [store] = stores
  if (store === undefined) return
  addRest(server, {
    store: store.queries,
    position: async () => {
      const state = await store.queries.state(log.id, 0)
      return state?.position ?? { log: log.id, partition: 0, next: log.status().first }
    },
    passed: (...asked) => store.passed(...asked),
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

const encoder = new TextEncoder()

/** The series that a bare value on the topic belongs to. */
function seriesOf(route: Route | undefined): { device: string; metric: string } | undefined {
  return route?.device === undefined || route.metric === undefined
    ? undefined
    : { device: route.device, metric: route.metric }
}

/** Where `npm run build` puts the web app. */
const webFolder = path.resolve(import.meta.dirname, '../../web/dist')
