import type { Operations } from '../api/operations.ts'
import { SluiceError } from '../core/errors.ts'
import type { SinkBooks } from '../core/sink.ts'
import type { GroupCommitIntake } from '../intake/intake.ts'
import type { EmbeddedLog } from '../log/embedded/log.ts'
import type { MqttGateway } from '../sources/mqtt/gateway.ts'
import type { PipelineStatus } from './pipeline/runner.ts'
import type { SinkPipeline } from './sink-pipeline.ts'
import type { StoreProcess } from './store-process/store-process.ts'

export interface StatusParts {
  readonly log: EmbeddedLog
  readonly intake: GroupCommitIntake
  readonly mqtt: MqttGateway
  readonly stores: readonly StoreProcess[]
  readonly sinks: readonly SinkPipeline[]
}

export function healthOf({ log, intake, stores }: StatusParts): Pick<Operations, 'health' | 'ready'> {
  const isTaking = () => intake.refusal() === undefined
  const isStoring = () =>
    stores.every((store) => store.status.ready && store.status.pipelines.every((p) => p.state !== 'down'))
  return {
    health() {
      const components: Record<string, string> = {
        log: log.status().state === 'open' ? 'healthy' : log.status().state,
      }
      components['mqtt'] = isTaking() ? 'healthy' : 'refusing'
      for (const { name, status } of stores)
        components[name] = status.ready ? 'healthy' : (status.error ?? 'starting')
      return { healthy: isTaking() && isStoring(), components }
    },
    // A store that is away does not make us unready: the log keeps its rows.
    ready: () => ({ ready: isTaking(), mqtt: isTaking(), database: isStoring() }),
  }
}

/** NX's documented members, as far as they mean something here, then the log, the books and the sinks. */
export function statusOf({ log, intake, mqtt, stores, sinks: files }: StatusParts, uptimeMs: number): object {
  const { first, next, ...logStatus } = log.status()
  const { books } = intake
  const pipelines = [
    ...stores.flatMap((store) => store.status.pipelines),
    ...files.flatMap(({ status }) => status ?? []),
  ]
  const sinks = pipelines.map((pipeline) => sinkStatus(pipeline, logStatus.rows[pipeline.stream] ?? 0))
  const readings = sinks.filter((sink) => sink.stream === 'readings')
  return {
    service: 'sluice',
    uptime: `${Math.floor(uptimeMs / 1000)}s`,
    uptime_ms: Math.floor(uptimeMs),
    ingestion: { points_received: books.rowsReceived, points_dropped: 0 },
    mqtt: { ...mqtt.status(), messages_received: books.messagesReceived },
    database: { points_written: readings.reduce((sum, { books: b }) => sum + b.stored + b.overwritten, 0) },
    log: { ...logStatus, first: Number(first), next: Number(next) },
    intake: intake.status,
    books: { ...books, balanced: isDoorBalanced(books) },
    sinks,
    stores: stores.map(({ name, status: { pipelines: _, ...status } }) => ({ name, ...status })),
    alarms: alarmsOf(books, sinks),
  }
}

type SinkStatus = ReturnType<typeof sinkStatus>

function sinkStatus(pipeline: PipelineStatus, written: number) {
  const { position, passed, ...rest } = pipeline
  return {
    ...rest,
    position: position === undefined ? undefined : Number(position.next),
    backlog: Math.max(0, written - passed),
    balanced: isBalanced(pipeline.books),
  }
}

/** handed = stored + repeated + overwritten + filtered + dead lettered + expired + damaged. */
function isBalanced(b: SinkBooks): boolean {
  return (
    b.handed === b.stored + b.repeated + b.overwritten + b.filtered + b.deadLettered + b.expired + b.damaged
  )
}

function isDoorBalanced(books: GroupCommitIntake['books']): boolean {
  return (
    books.messagesReceived === books.messagesAccepted + books.messagesRefused + books.messagesDeadLettered &&
    books.rowsReceived === books.rowsAccepted + books.rowsRefused + books.rowsDeadLettered
  )
}

/** Differences in the books, as alarms; the codes are those of the metric `sluice_alarm`. */
function alarmsOf(
  books: GroupCommitIntake['books'],
  sinks: readonly SinkStatus[],
): { code: string; message: string }[] {
  const alarms = []
  if (!isDoorBalanced(books))
    alarms.push({ code: 'books-door', message: 'received differs from accepted + refused + dead lettered' })
  for (const { name, stream, balanced } of sinks) {
    if (!balanced)
      alarms.push({ code: 'books-sink', message: `the books of ${name} (${stream}) do not balance` })
  }
  return alarms
}

/** For callers that need a store by name, or the first one. */
export function storeNamed(stores: readonly StoreProcess[], name: string | undefined): StoreProcess {
  const store = name === undefined ? stores[0] : stores.find((s) => s.name === name)
  if (!store)
    throw new SluiceError(
      'not-found',
      name === undefined ? 'no store is configured' : `there is no store named ${name}`,
    )
  return store
}
