import type { DoorBooks } from '../core/intake.ts'
import type { LogStatus } from '../core/log.ts'
import type { Position } from '../core/position.ts'
import type { ReplayStatus } from '../core/replay.ts'
import type { SinkBooks } from '../core/sink.ts'
import type { FeedStatus } from '../core/source.ts'
import { booksFaults } from './books.ts'
import type { IngestCounters } from './ingest/ingest.ts'

/** Everything that /status and /metrics show, as it stood at one moment; the composition root takes it. */
export interface Snapshot {
  readonly uptimeMs: number
  readonly log: LogStatus
  /** What the state file is called now that was damaged at this start; undefined if it was not. */
  readonly setAsideState: string | undefined
  readonly intake: IntakeSnapshot
  /** Since the log was created. */
  readonly books: DoorBooks
  /** Messages by door, since the process started; `sources` are all those by configuration. */
  readonly doors: Readonly<Record<string, Readonly<Record<MessageOutcome, number>>>>
  readonly http: IngestCounters
  readonly mqtt: {
    /** Templates of the topics that are telemetry. */
    readonly topics: readonly string[]
    readonly counters: Readonly<Record<string, number>>
    /** A few remote addresses: those that make the most trouble, or hold the most connections. */
    readonly addresses: readonly AddressSnapshot[]
  }
  readonly live: LiveSnapshot
  /** Where the doors are: `http://host:port`, `mqtt://host:port`. */
  readonly addresses: Readonly<Record<string, string>>
  /** Sources by configuration. */
  readonly sources: readonly SourceSnapshot[]
  /** One per sink and stream; those of the main store first. */
  readonly sinks: readonly SinkSnapshot[]
  readonly stores: readonly StoreSnapshot[]
  /** Those that run and those that have ended. */
  readonly replays: readonly ReplayStatus[]
  /** Seconds that the oldest rows wait that the main store does not hold yet. */
  readonly lagSeconds: number
  /** Batches of readings written to the main store since the process started. */
  readonly batchesWritten: number
}

/** What one remote address has done at the MQTT door. */
export interface AddressSnapshot {
  readonly address: string
  readonly connections: number
  readonly refused: number
  readonly malformed: number
  readonly failedHandshakes: number
}

/** The live door. */
export interface LiveSnapshot {
  readonly clients: number
  readonly subscriptions: number
  /** Connections that were ended from here, by reason, since the process started. */
  readonly ended: Readonly<Record<string, number>>
}

export type MessageOutcome = 'accepted' | 'refused' | 'deadLettered'

export interface IntakeSnapshot {
  readonly series: number
  readonly openRows: number
  readonly underwayBytes: number
  readonly maxBytes: number
  readonly deadLetterBytes: number
  /** Of `deadLetters.maxBytes`. */
  readonly maxDeadLetterBytes: number
  /** The last letter found no room. */
  readonly isLetterRefused: boolean
  /** A device of which no letter finds room. */
  readonly fullDevice: string | undefined
  /** Messages, counted as refused, whose commit has failed. */
  readonly failedMessages: number
}

export interface SourceSnapshot extends FeedStatus {
  readonly name: string
  readonly type: string
  readonly state: 'connecting' | 'running' | 'waiting' | 'down' | 'stopped'
  readonly error: string | undefined
  /** Attempts that have failed since the last one that worked. */
  readonly failures: number
  /** How long it has worked no more; 0 while it does. */
  readonly failingMs: number
}

export interface SinkSnapshot {
  readonly name: string
  readonly stream: string
  readonly state: 'starting' | 'running' | 'retrying' | 'down' | 'stopped'
  readonly error: string | undefined
  readonly books: SinkBooks
  readonly position: Position | undefined
  /** Rows of the stream behind the position. */
  readonly passed: number
  readonly retries: number
  /** Attempts that have failed since the last one that worked. */
  readonly failures: number
  readonly lastWriteMs: number
  readonly lastRows: number
}

export interface StoreSnapshot {
  readonly name: string
  readonly ready: boolean
  /** Why it is away; undefined while it is there, or starts for the first time. */
  readonly error: string | undefined
  readonly restarts: number
  readonly pid: number | undefined
}

/** Rows of the sink's stream that it has not taken yet; undefined until the sink has said where it stands, or that it cannot. */
export function backlogOf({ stream, passed, state }: SinkSnapshot, log: LogStatus): number | undefined {
  if (state === 'starting') return undefined
  return Math.max(0, (log.rows[stream] ?? 0) - passed)
}

/** What needs somebody; the codes are the labels of the metric `sluice_alarm`. */
export const alarmCodes = [
  'books-door',
  'books-sink',
  'books-log',
  'source-down',
  'store-down',
  'sink-down',
  'sink-retrying',
  'rows-damaged',
  'log-damaged',
  'log-behind',
  'state-damaged',
  'dead-letters-full',
  'disk-full',
  'log-read-only',
] as const

/** Share of the dead letters' bound at which somebody should look. */
const nearlyFull = 0.9

/** Time without a connection after which somebody should look. */
const longFailingMs = 30_000

/** Failures in a row, about half a minute of them, after which somebody should look. */
const manyFailures = 8

export interface Alarm {
  readonly code: (typeof alarmCodes)[number]
  readonly message: string
}

export function alarmsOf({
  books,
  replays,
  sources,
  sinks,
  stores,
  log,
  setAsideState,
  intake,
}: Snapshot): Alarm[] {
  const alarms: Alarm[] = booksFaults({ books, sinks, replays }).map(({ code, message }) => ({
    code,
    message,
  }))
  for (const { name, state, error, failingMs } of sources) {
    if (state !== 'down' && failingMs < longFailingMs) continue
    alarms.push({
      code: 'source-down',
      message: `source ${name} takes nothing: ${error ?? 'it says no more'}. It is tried again`,
    })
  }
  const away = new Set<string>()
  for (const { name, error } of stores) {
    if (error === undefined) continue
    away.add(name)
    alarms.push({
      code: 'store-down',
      message: `store ${name} is away: ${error}. The log keeps its rows, queries are refused`,
    })
  }
  for (const sink of sinks) {
    const name = `${sink.name} (${sink.stream})`
    if (sink.books.damaged > 0)
      alarms.push({
        code: 'rows-damaged',
        message: `${sink.books.damaged} acknowledged rows never reached ${name}: where they stood, the log is damaged or its segments were gone before the sink had taken them`,
      })
    if (away.has(sink.name)) continue
    if (sink.state === 'down')
      alarms.push({ code: 'sink-down', message: `${name} is down: ${sink.error ?? 'it says no more'}` })
    else if (sink.failures >= manyFailures)
      alarms.push({
        code: 'sink-retrying',
        message: `${name} has failed ${sink.failures} times in a row and is tried again: ${sink.error ?? 'it says no more'}`,
      })
  }
  const { deadLetterBytes, maxDeadLetterBytes, isLetterRefused, fullDevice } = intake
  if (isLetterRefused || deadLetterBytes >= nearlyFull * maxDeadLetterBytes)
    alarms.push({
      code: 'dead-letters-full',
      message: `${deadLetterBytes} of ${maxDeadLetterBytes} bytes of dead letters are taken${isLetterRefused ? ', and a letter was refused' : ''}${fullDevice === undefined ? '' : `; the device ${JSON.stringify(fullDevice)} is beyond its share`}: discard some or raise deadLetters.maxBytes. Once they are full, messages that cannot be read are refused and stores that refuse rows stop`,
    })
  else if (fullDevice !== undefined)
    alarms.push({
      code: 'dead-letters-full',
      message: `the dead letters of the device ${JSON.stringify(fullDevice)} are full: its messages that cannot be read are refused; rows of it that a store refuses are kept. Discard or replay some, mend it, or raise deadLetters.maxBytesPerDevice`,
    })
  const { damagedFrames, damagedPlaces } = log
  if (damagedFrames > 0 || damagedPlaces > 0)
    alarms.push({
      code: 'log-damaged',
      message: `the log is damaged: ${damagedFrames} frames found when it was opened, ${damagedPlaces} places while it was read; sluice log inspect shows where. Check the disk`,
    })
  if (log.newRenewals > 0)
    alarms.push({
      code: 'log-behind',
      message:
        'a sink had taken more than the log held: its folder was an older copy, or its end is gone. It goes on under another id; what it lacks stands in the stores alone. A restart clears this',
    })
  if (setAsideState !== undefined)
    alarms.push({
      code: 'state-damaged',
      message: `the state file could not be read and is ${setAsideState} now; what was set before the log's oldest segment is gone: such sessions begin anew. Check the disk. A restart clears this`,
    })
  if (log.state === 'disk-full')
    alarms.push({ code: 'disk-full', message: fullMessage({ log, sinks, replays }) })
  if (log.state === 'read-only')
    alarms.push({ code: 'log-read-only', message: 'the disk refused two syncs in a row; nothing is taken' })
  return alarms
}

/** The log may be full, not the disk: then whoever is furthest behind keeps it so. */
function fullMessage({ log, sinks, replays }: Pick<Snapshot, 'log' | 'sinks' | 'replays'>): string {
  const behind: { readonly what: string; readonly next: bigint }[] = []
  for (const sink of sinks) {
    const { name, stream, position } = sink
    if (backlogOf(sink, log) === 0) continue
    const next = position?.log === log.id ? position.next : log.first
    behind.push({ what: `sink ${name} (${stream})`, next })
  }
  for (const { name, fromStore, state, parts } of replays) {
    if (fromStore !== undefined || (state !== 'running' && state !== 'waiting')) continue
    for (const { position } of parts) behind.push({ what: `replay ${name}`, next: position })
  }
  const [first] = behind.toSorted((a, b) => (a.next < b.next ? -1 : 1))
  const holder =
    first === undefined
      ? ''
      : `; furthest behind is ${first.what} at ${first.next}, and the log keeps what it needs`
  return `senders are refused until there is space on the data disk, and in the log below log.maxBytes: it has ${log.bytes} bytes${holder}`
}
