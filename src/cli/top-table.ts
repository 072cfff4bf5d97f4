import { formatTable } from './table.ts'

/** The answer of `GET /api/v1/top`. */
export interface TopAnswer {
  readonly seconds: number
  readonly rowsPerSecond: number
  readonly lagSeconds: number
  readonly isSampled: boolean
  readonly sources: readonly {
    readonly name: string
    readonly state: string
    readonly lag?: number
    readonly acceptedPerSecond: number
    readonly deadLetteredPerSecond: number
    readonly refusedPerSecond: number
  }[]
  readonly clients: readonly Named[]
  readonly topics: readonly Named[]
  readonly sinks: readonly {
    readonly name: string
    readonly stream: string
    readonly state: string
    readonly error?: string
    readonly backlog?: number
    readonly rowsPerSecond: number
  }[]
  readonly slowClients: readonly {
    readonly clientId: string
    readonly address: string
    readonly waitingBytes: number
    readonly unacknowledged: number
    readonly queuedBytes: number
    readonly stalledMs: number
  }[]
  readonly live: { readonly clients: number; readonly subscriptions: number }
  readonly connections: number
}

interface Named {
  readonly name: string
  readonly messagesPerSecond: number
  readonly bytesPerSecond: number
}

/** What the tables are sorted by: a rate, the bytes, or the name. */
export const sorts = ['rate', 'bytes', 'name'] as const
export type Sort = (typeof sorts)[number]

/** Everything as tables under one another, in at most `height` lines: the longest give way. */
export function topTables(answer: TopAnswer, sort: Sort, height = Number.POSITIVE_INFINITY): string {
  const head = `${answer.rowsPerSecond} rows/s  lag ${answer.lagSeconds} s  ${answer.connections} MQTT connections  ${answer.live.clients} live clients  sorted by ${sort}`
  const tables = [
    table(
      ['source', 'state', 'msg/s', 'letters/s', 'refused/s', 'waiting'],
      answer.sources.map((source) => [
        source.name,
        source.state,
        source.acceptedPerSecond,
        source.deadLetteredPerSecond,
        source.refusedPerSecond,
        source.lag ?? '',
      ]),
    ),
    table(
      ['sink', 'stream', 'state', 'rows/s', 'backlog', 'error'],
      answer.sinks.map(({ name, stream, state, rowsPerSecond, backlog, error = '' }) => [
        ...[name, stream, state],
        ...[rowsPerSecond, backlog ?? '', error],
      ]),
    ),
    table(['client', 'msg/s', 'bytes/s'], named(answer.clients, sort)),
    table(['topic', 'msg/s', 'bytes/s'], named(answer.topics, sort)),
    table(
      ['slow client', 'address', 'unsent bytes', 'unacknowledged', 'queued bytes', 'stalled ms'],
      answer.slowClients.map(({ clientId, address, stalledMs, ...waiting }) => [
        ...[clientId, address],
        ...[waiting.waitingBytes, waiting.unacknowledged, waiting.queuedBytes, Math.round(stalledMs)],
      ]),
    ),
  ].filter((lines) => lines.length > 1)
  const notes = answer.isSampled
    ? ['Clients and topics are estimates: there were too many messages to count all.']
    : []
  return [head, '', ...fitted(tables, height - 2 - notes.length), ...notes].join('\n')
}

function table(headers: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  return rows.length === 0 ? [] : formatTable(headers, rows).split('\n')
}

function named(all: readonly Named[], sort: Sort): [string, number, number][] {
  const order: Record<Sort, (a: Named, b: Named) => number> = {
    rate: (a, b) => b.messagesPerSecond - a.messagesPerSecond,
    bytes: (a, b) => b.bytesPerSecond - a.bytesPerSecond,
    name: (a, b) => (a.name < b.name ? -1 : 1),
  }
  return all
    .toSorted(order[sort])
    .map(({ name, messagesPerSecond, bytesPerSecond }) => [name, messagesPerSecond, bytesPerSecond])
}

/** The tables with an empty line behind each; while they are too many lines, the longest loses its last. */
function fitted(tables: readonly string[][], height: number): string[] {
  const shown = tables.map((lines) => [...lines])
  const lines = () => shown.reduce((sum, one) => sum + one.length + 1, 0)
  while (lines() > height) {
    const longest = shown.reduce((a, b) => (b.length > a.length ? b : a))
    if (longest.length <= 2) break
    longest.pop()
  }
  return shown.flatMap((one) => [...one, '']).slice(0, Math.max(0, height))
}
