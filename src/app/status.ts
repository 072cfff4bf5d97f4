import type { IngestCounters } from '../api/ingest/ingest.ts'
import type { Operations } from '../api/operations.ts'
import type { Snapshot } from '../api/snapshot.ts'
import type { DoorBooks } from '../core/intake.ts'
import type { WebSocketDoor } from '../live/websocket.ts'
import type { GroupCommitIntake } from '../intake/intake.ts'
import type { EmbeddedLog } from '../log/embedded/log.ts'
import type { MqttGateway } from '../sources/mqtt/gateway.ts'
import type { StateKeeper } from './kept-state/kept-state.ts'
import type { Replays } from './replays/replays.ts'
import type { SinkPipeline } from './sink-pipeline.ts'
import type { SourceRunner } from './source-runner.ts'
import type { StoreProcess } from './store-process/store-process.ts'

/** What health, status and metrics are taken from. */
export interface StatusParts {
  readonly log: EmbeddedLog
  readonly intake: GroupCommitIntake
  readonly mqtt: MqttGateway
  readonly http: IngestCounters
  readonly live: WebSocketDoor
  readonly sources: readonly SourceRunner[]
  readonly stores: readonly StoreProcess[]
  readonly sinks: readonly SinkPipeline[]
  readonly keeper: Pick<StateKeeper, 'statuses' | 'setAside'>
  readonly replays: Pick<Replays, 'list'>
}

export function healthOf({
  log,
  intake,
  sources,
  stores,
  sinks,
  keeper,
}: StatusParts): Pick<Operations, 'health' | 'ready'> {
  const isTaking = () => intake.refusal() === undefined
  const isStoring = () =>
    stores.every((store) => store.status.ready && store.status.pipelines.every((p) => p.state !== 'down'))
  return {
    health() {
      const components: Record<string, string> = {
        log: log.status().state === 'open' ? 'healthy' : log.status().state,
      }
      components['mqtt'] = isTaking() ? 'healthy' : 'refusing'
      // One that cannot be reached is told, and harms nothing that runs here.
      for (const { name, status } of sources)
        components[`sources/${name}`] = status.failingMs === 0 ? 'healthy' : (status.error ?? status.state)
      for (const { name, status } of stores)
        components[name] = status.ready ? 'healthy' : (status.error ?? 'starting')
      for (const { name, status } of sinks)
        components[name] = status.state === 'down' ? (status.error ?? 'down') : 'healthy'
      const isWriting = sinks.every(({ status }) => status.state !== 'down')
      const unkept = keeper.statuses.find(({ state }) => state === 'down')
      components['state'] = unkept === undefined ? 'healthy' : (unkept.error ?? 'down')
      return { healthy: isTaking() && isStoring() && isWriting && !unkept, components }
    },
    // A store that is away does not make us unready: the log keeps its rows.
    ready: () => ({ ready: isTaking(), mqtt: isTaking(), database: isStoring() }),
  }
}

/** Remote addresses on /status: enough to find who makes trouble. */
const shownAddresses = 10

/** Everything as it stands now; `rest` is what only the composition root knows. */
export function snapshotOf(
  { log, intake, mqtt, http, live, sources: runners, stores, sinks, keeper, replays }: StatusParts,
  rest: Pick<Snapshot, 'uptimeMs' | 'addresses' | 'lagSeconds' | 'batchesWritten'> & {
    readonly topics: readonly string[]
    readonly maxIntakeBytes: number
    readonly maxDeadLetterBytes: number
  },
): Snapshot {
  const { uptimeMs, addresses, lagSeconds, batchesWritten, topics, maxIntakeBytes, maxDeadLetterBytes } = rest
  const { books } = intake
  const sources = runners.map(({ status }) => status)
  return {
    uptimeMs,
    addresses,
    lagSeconds,
    batchesWritten,
    log: log.status(),
    setAsideState: keeper.setAside,
    intake: { ...intake.status, maxBytes: maxIntakeBytes, maxDeadLetterBytes },
    books: { ...books }, // they go on being counted
    doors: doorsOf(books, log.start.books, http, sources),
    http,
    mqtt: { topics, counters: { ...mqtt.status() }, addresses: mqtt.addresses(shownAddresses) },
    live: live.status,
    sources,
    sinks: [
      ...stores.flatMap((store) => store.status.pipelines),
      ...sinks.map(({ status }) => status),
      ...keeper.statuses,
    ],
    replays: replays.list(),
    stores: stores.map(({ name, status: { ready, error, restarts, pid } }) => ({
      name,
      ready,
      error,
      restarts,
      pid,
    })),
  }
}

/** The books know no doors: MQTT has what neither HTTP nor the sources have counted for themselves. */
function doorsOf(
  books: DoorBooks,
  before: DoorBooks,
  http: IngestCounters,
  feeds: Snapshot['sources'],
): Snapshot['doors'] {
  const sources = { accepted: 0, refused: 0, deadLettered: 0 }
  for (const { accepted, refused, deadLettered } of feeds) {
    sources.accepted += accepted
    sources.refused += refused
    sources.deadLettered += deadLettered
  }
  return {
    mqtt: {
      accepted: books.messagesAccepted - before.messagesAccepted - http.accepted - sources.accepted,
      refused: books.messagesRefused - before.messagesRefused - http.refused - sources.refused,
      deadLettered: books.messagesDeadLettered - before.messagesDeadLettered - sources.deadLettered,
    },
    http: { accepted: http.accepted, refused: http.refused, deadLettered: 0 },
    ...(feeds.length > 0 ? { sources } : {}),
  }
}
