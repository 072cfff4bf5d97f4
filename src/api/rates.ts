import { backlogOf, type Snapshot } from './snapshot.ts'

/** What MQTT clients sent while somebody watched, and those who do not take what waits for them. */
export interface WatchedTraffic {
  readonly isSampled: boolean
  readonly clients: readonly WatchedName[]
  readonly topics: readonly WatchedName[]
  readonly slowClients: readonly {
    readonly clientId: string
    readonly address: string
    readonly waitingBytes: number
    readonly unacknowledged: number
    readonly queuedBytes: number
    readonly stalledMs: number
  }[]
}

interface WatchedName {
  readonly name: string
  readonly count: number
  readonly bytes: number
}

/** What flows where: the difference of two snapshots, `seconds` apart, as rates. */
export function ratesBetween(before: Snapshot, after: Snapshot, traffic: WatchedTraffic, seconds: number) {
  const rate = (now: number, past: number) => Math.round(((now - past) / seconds) * 10) / 10
  const named = ({ name, count, bytes }: WatchedName) => ({
    name,
    messagesPerSecond: rate(count, 0),
    bytesPerSecond: rate(bytes, 0),
  })
  return {
    seconds: Math.round(seconds * 1000) / 1000,
    rowsPerSecond: rate(after.books.rowsReceived, before.books.rowsReceived),
    lagSeconds: Math.round(after.lagSeconds * 1000) / 1000,
    isSampled: traffic.isSampled,
    sources: flowsOf(before, after).map(({ past, now, ...rest }) => ({
      ...rest,
      acceptedPerSecond: rate(now.accepted, past.accepted),
      deadLetteredPerSecond: rate(now.deadLettered, past.deadLettered),
      refusedPerSecond: rate(now.refused, past.refused),
    })),
    clients: traffic.clients.map(named),
    topics: traffic.topics.map(named),
    sinks: after.sinks.map((sink) => {
      const past = before.sinks.find(({ name, stream }) => name === sink.name && stream === sink.stream)
      const { name, stream, state, passed, failures, error } = sink
      const backlog = backlogOf(sink, after.log)
      return {
        ...{ name, stream, state, failures, error, backlog },
        // A sink that has said only now where it stands has not run there in this time.
        rowsPerSecond: past === undefined || past.state === 'starting' ? 0 : rate(passed, past.passed),
      }
    }),
    slowClients: traffic.slowClients,
    live: { clients: after.live.clients, subscriptions: after.live.subscriptions },
    connections: after.mqtt.counters['connectionsOpen'] ?? 0,
  }
}

interface Flow {
  readonly name: string
  readonly state: string
  /** Messages that wait at the server of a source, where it tells. */
  readonly lag: number | undefined
  readonly now: Outcomes
  readonly past: Outcomes
}

type Outcomes = { readonly accepted: number; readonly deadLettered: number; readonly refused: number }

const none: Outcomes = { accepted: 0, deadLettered: 0, refused: 0 }

/** The doors, and each source by configuration. */
function flowsOf(before: Snapshot, after: Snapshot): Flow[] {
  const doors = Object.entries(after.doors)
    .filter(([name]) => name !== 'sources')
    .map(([name, now]) => ({
      ...{ name, state: 'open', lag: undefined, now },
      past: before.doors[name] ?? none,
    }))
  const sources = after.sources.map((now) => {
    const { name, state, lag } = now
    return { name, state, lag, now, past: before.sources.find((source) => source.name === name) ?? none }
  })
  return [...doors, ...sources]
}
