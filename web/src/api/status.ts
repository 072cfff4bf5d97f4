import type { DoorBooks } from '../../../src/core/intake.ts'
import type { SinkBooks } from '../../../src/core/sink.ts'
import { type Members, members } from './decode.ts'

/** What the overview needs of /status. A member that an older or newer server lacks counts as empty, never as a failure. */
export interface Status {
  readonly uptimeMs: number
  /** Series known: it grows when something new sends. */
  readonly series: number
  readonly log: {
    readonly state: string
    readonly bytes: number
    readonly segments: number
    readonly commits: number
  }
  readonly door: DoorBooks
  readonly connections: number | undefined
  readonly sinks: readonly SinkStatus[]
  readonly alarms: readonly Alarm[]
  /** Where MQTT is taken: `mqtt://host:port`. */
  readonly mqttAddress: string
}

export interface Balance {
  readonly balanced: boolean
  /** What differs, as the server says it; empty while nothing does. */
  readonly difference: string
}

export interface SinkStatus extends Balance {
  readonly name: string
  readonly stream: string
  readonly state: string
  readonly error: string | undefined
  readonly backlog: number
  readonly books: SinkBooks
}

export interface Alarm {
  readonly code: string
  readonly message: string
}

export function readStatus(value: unknown): Status {
  const body = members(value, 'answer')
  const log = part(body['log'])
  const mqtt = part(body['mqtt'])
  const books = part(body['books'])
  return {
    uptimeMs: count(body['uptime_ms']),
    series: count(part(body['intake'])['series']),
    log: {
      state: word(log['state'], 'unknown'),
      bytes: count(log['bytes']),
      segments: count(log['segments']),
      commits: count(log['commits']),
    },
    door: {
      messagesReceived: count(books['messagesReceived']),
      messagesAccepted: count(books['messagesAccepted']),
      messagesRefused: count(books['messagesRefused']),
      messagesDeadLettered: count(books['messagesDeadLettered']),
      rowsReceived: count(books['rowsReceived']),
      rowsAccepted: count(books['rowsAccepted']),
      rowsRefused: count(books['rowsRefused']),
      rowsDeadLettered: count(books['rowsDeadLettered']),
      letterBytes: count(books['letterBytes']),
    },
    connections: typeof mqtt['connectionsOpen'] === 'number' ? mqtt['connectionsOpen'] : undefined,
    sinks: items(body['sinks']).map(readSink),
    alarms: items(body['alarms']).map((alarm) => ({
      code: word(alarm['code'], 'alarm'),
      message: word(alarm['message'], ''),
    })),
    mqttAddress: word(mqtt['broker'], ''),
  }
}

function readSink(sink: Members): SinkStatus {
  const books = part(sink['books'])
  return {
    name: word(sink['name'], '?'),
    stream: word(sink['stream'], 'readings'),
    state: word(sink['state'], 'unknown'),
    error: typeof sink['error'] === 'string' ? sink['error'] : undefined,
    backlog: count(sink['backlog']),
    ...readBalance(sink),
    books: {
      handed: count(books['handed']),
      stored: count(books['stored']),
      repeated: count(books['repeated']),
      overwritten: count(books['overwritten']),
      filtered: count(books['filtered']),
      deadLettered: count(books['deadLettered']),
      expired: count(books['expired']),
      damaged: count(books['damaged']),
    },
  }
}

function readBalance(of: Members): Balance {
  return { balanced: of['balanced'] !== false, difference: word(of['difference'], '') }
}

function part(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {}
}

function items(value: unknown): Members[] {
  return Array.isArray(value) ? value.map(part) : []
}

function count(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}
