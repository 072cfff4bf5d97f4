import type { ReplayStatus } from '../core/replay.ts'
import { breakerState, mainSink, parseErrors, pointsDropped, pointsWritten } from './nexus-numbers.ts'
import type { PulledMetrics, Values } from './pulled-metrics.ts'
import { alarmCodes, alarmsOf, backlogOf, type SinkSnapshot, type SourceSnapshot } from './snapshot.ts'

/** Every metric that is read from a snapshot. */
export function addPulledMetrics(pull: PulledMetrics): void {
  addNexusMetrics(pull)
  addDoorMetrics(pull)
  addSourceMetrics(pull)
  addLogMetrics(pull)
  addSinkMetrics(pull)
  addReplayMetrics(pull)
}

/** The names that the Nexus historian documents, where they mean something here. */
function addNexusMetrics(pull: PulledMetrics): void {
  const counter = (name: string, help: string, values: Values) =>
    pull.counter(`data_ingestion_${name}`, help, [], values)
  const gauge = (name: string, help: string, values: Values) =>
    pull.gauge(`data_ingestion_${name}`, help, [], values)
  counter('points_received_total', 'Readings received.', ({ books }) => books.rowsReceived)
  counter('points_written_total', 'Readings written to the main store.', pointsWritten)
  counter('points_dropped_total', 'Readings taken that the main store will never hold.', pointsDropped)
  counter(
    'batches_flushed_total',
    'Batches written to the main store.',
    (snapshot) => snapshot.batchesWritten,
  )
  counter(
    'parse_errors_total',
    'Messages that could not be read: refused with an answer, or dead-lettered.',
    parseErrors,
  )
  const failures: Values = (snapshot) => mainSink(snapshot)?.retries ?? 0
  counter('write_errors_total', 'Failed writes to the main store.', failures)
  counter('write_retries_total', 'Writes to the main store that were tried again.', failures)
  gauge('buffer_usage', 'Share of the memory for rows on their way to disk that is in use.', ({ intake }) =>
    Math.min(1, intake.underwayBytes / intake.maxBytes),
  )
  gauge('lag_seconds', 'How long the oldest rows wait for the main store.', ({ lagSeconds }) => lagSeconds)
  gauge('circuit_breaker_state', 'The main store: 0 takes writes, 1 is down, 2 is tried again.', breakerState)
}

function addDoorMetrics(pull: PulledMetrics): void {
  pull.counter(
    'sluice_messages_total',
    'Messages by door and what became of them, since the process started.',
    ['door', 'outcome'],
    ({ doors }) =>
      Object.entries(doors).flatMap(([door, outcomes]) =>
        Object.entries(outcomes).map(
          ([outcome, count]) => [{ door, outcome: snake(outcome) }, count] as const,
        ),
      ),
  )
  pull.counter(
    'sluice_door_messages_total',
    'Messages at all doors together since the log was created.',
    ['outcome'],
    ({ books }) => [
      [{ outcome: 'received' }, books.messagesReceived],
      [{ outcome: 'accepted' }, books.messagesAccepted],
      [{ outcome: 'refused' }, books.messagesRefused],
      [{ outcome: 'dead_lettered' }, books.messagesDeadLettered],
    ],
  )
  pull.counter(
    'sluice_rows_total',
    'Rows at the doors since the log was created.',
    ['outcome'],
    ({ books }) => [
      [{ outcome: 'received' }, books.rowsReceived],
      [{ outcome: 'accepted' }, books.rowsAccepted],
      [{ outcome: 'refused' }, books.rowsRefused],
      [{ outcome: 'dead_lettered' }, books.rowsDeadLettered],
    ],
  )
  pull.counter(
    'sluice_http_turned_away_total',
    'HTTP requests with readings that were not looked at: no room, a full disk, cut off half-way.',
    [],
    ({ http }) => http.turnedAway,
  )
  for (const [name, { metric, help }] of mqttGauges)
    pull.gauge(`sluice_mqtt_${metric}`, help, [], ({ mqtt }) => mqtt.counters[name] ?? 0)
  pull.counter('sluice_mqtt_total', 'What the MQTT gateway has done, by kind.', ['kind'], ({ mqtt }) =>
    Object.entries(mqtt.counters)
      .filter(([name]) => !mqttGauges.has(name))
      .map(([name, count]) => [{ kind: snake(name) }, count] as const),
  )
  pull.gauge('sluice_live_clients', 'Open live connections.', [], ({ live }) => live.clients)
  pull.gauge(
    'sluice_live_subscriptions',
    'Subscriptions of live connections.',
    [],
    ({ live }) => live.subscriptions,
  )
  pull.counter(
    'sluice_live_ended_total',
    'Live connections that were ended from here, by reason.',
    ['reason'],
    ({ live }) =>
      Object.entries(live.ended).map(([reason, count]) => [{ reason: snake(reason) }, count] as const),
  )
}

const outcomes = ['accepted', 'deadLettered', 'refused', 'ignored'] as const
const sourceStates: readonly SourceSnapshot['state'][] = [
  'connecting',
  'running',
  'waiting',
  'down',
  'stopped',
]

function addSourceMetrics(pull: PulledMetrics): void {
  const each = (value: (source: SourceSnapshot) => number): Values => {
    return ({ sources }) => sources.map((source) => [{ source: source.name }, value(source)] as const)
  }
  pull.counter(
    'sluice_source_messages_total',
    'Messages of a source and what became of them.',
    ['source', 'outcome'],
    ({ sources }) =>
      sources.flatMap((source) =>
        outcomes.map(
          (outcome) => [{ source: source.name, outcome: snake(outcome) }, source[outcome]] as const,
        ),
      ),
  )
  pull.counter(
    'sluice_source_redelivered_total',
    'Messages that the server had sent before.',
    ['source'],
    each(({ redelivered }) => redelivered),
  )
  pull.counter(
    'sluice_source_acknowledged_total',
    'Messages that the server was told are safe.',
    ['source'],
    each(({ acknowledged }) => acknowledged),
  )
  pull.gauge(
    'sluice_source_unacknowledged_messages',
    'Messages taken and not acknowledged yet.',
    ['source'],
    each(({ unacknowledged }) => unacknowledged),
  )
  pull.gauge(
    'sluice_source_unacknowledged_bytes',
    'Their bytes.',
    ['source'],
    each(({ unacknowledgedBytes }) => unacknowledgedBytes),
  )
  pull.counter(
    'sluice_source_reconnects_total',
    'Connections made to the server of a source after the first.',
    ['source'],
    each(({ connects }) => Math.max(0, connects - 1)),
  )
  pull.gauge(
    'sluice_source_lag_messages',
    'Messages that wait at the server of a source, where it says so.',
    ['source'],
    ({ sources }) =>
      sources.flatMap(({ name, lag }) => (lag === undefined ? [] : [[{ source: name }, lag] as const])),
  )
  pull.gauge(
    'sluice_source_state',
    '1 for the state that a source is in.',
    ['source', 'state'],
    ({ sources }) =>
      sources.flatMap((source) =>
        sourceStates.map(
          (state) => [{ source: source.name, state }, source.state === state ? 1 : 0] as const,
        ),
      ),
  )
}

function addLogMetrics(pull: PulledMetrics): void {
  const counter = (name: string, help: string, values: Values) =>
    pull.counter(`sluice_${name}`, help, [], values)
  const gauge = (name: string, help: string, values: Values) => pull.gauge(`sluice_${name}`, help, [], values)
  gauge('log_bytes', 'Bytes of the log on disk.', ({ log }) => log.bytes)
  gauge('log_segments', 'Segments of the log.', ({ log }) => log.segments)
  counter('log_commits_total', 'Commits since the process started.', ({ log }) => log.commits)
  counter('log_syncs_total', 'fdatasync calls since the process started.', ({ log }) => log.syncs)
  counter(
    'log_damaged_frames_total',
    'Frames found damaged when the log was opened.',
    ({ log }) => log.damagedFrames,
  )
  counter(
    'log_damaged_places_total',
    'Damaged places of the log that readers have come upon since then.',
    ({ log }) => log.damagedPlaces,
  )
  counter(
    'log_torn_tails_total',
    'Ends of the log dropped at start: torn, or not proven to be whole.',
    ({ log }) => log.tornTails,
  )
  counter(
    'log_renewals_total',
    'Times that the log was an older copy of itself and was given another id.',
    ({ log }) => log.renewals,
  )
  pull.counter('sluice_log_rows_total', 'Rows written since the log was created.', ['stream'], ({ log }) =>
    Object.entries(log.rows).map(([stream, rows]) => [{ stream }, rows] as const),
  )
  pull.gauge('sluice_log_state', '1 for the state that the log is in.', ['state'], ({ log }) =>
    ['open', 'disk-full', 'read-only', 'closed'].map(
      (state) => [{ state }, log.state === state ? 1 : 0] as const,
    ),
  )
  gauge('intake_series', 'Series known.', ({ intake }) => intake.series)
  gauge('intake_underway_bytes', 'Bytes of rows on their way to disk.', ({ intake }) => intake.underwayBytes)
  gauge('dead_letter_bytes', 'Bytes of dead letters kept.', ({ intake }) => intake.deadLetterBytes)
  gauge('uptime_seconds', 'Since the process started.', ({ uptimeMs }) => uptimeMs / 1000)
  pull.gauge('sluice_alarm', '1 while something needs somebody.', ['code'], (snapshot) => {
    const raised = new Set<string>(alarmsOf(snapshot).map(({ code }) => code))
    return alarmCodes.map((code) => [{ code }, raised.has(code) ? 1 : 0] as const)
  })
}

const states: readonly SinkSnapshot['state'][] = ['starting', 'running', 'retrying', 'down', 'stopped']

function addSinkMetrics(pull: PulledMetrics): void {
  const named = ({ name, stream }: SinkSnapshot) => ({ sink: name, stream })
  pull.counter('sluice_sink_rows_total', 'The books of the sinks.', ['sink', 'stream', 'term'], ({ sinks }) =>
    sinks.flatMap((sink) =>
      Object.entries(sink.books).map(
        ([term, rows]) => [{ ...named(sink), term: snake(term) }, rows] as const,
      ),
    ),
  )
  pull.gauge(
    'sluice_sink_backlog_rows',
    'Rows that a sink has not taken yet.',
    ['sink', 'stream'],
    ({ sinks, log }) =>
      sinks.flatMap((sink) => {
        const backlog = backlogOf(sink, log)
        return backlog === undefined ? [] : [[named(sink), backlog] as const]
      }),
  )
  pull.counter(
    'sluice_sink_retries_total',
    'Writes that were tried again.',
    ['sink', 'stream'],
    ({ sinks }) => sinks.map((sink) => [named(sink), sink.retries] as const),
  )
  pull.gauge(
    'sluice_sink_state',
    '1 for the state that a sink is in.',
    ['sink', 'stream', 'state'],
    ({ sinks }) =>
      sinks.flatMap((sink) =>
        states.map((state) => [{ ...named(sink), state }, sink.state === state ? 1 : 0] as const),
      ),
  )
  pull.gauge('sluice_store_ready', '1 while a store can be asked.', ['store'], ({ stores }) =>
    stores.map(({ name, ready }) => [{ store: name }, ready ? 1 : 0] as const),
  )
  pull.counter(
    'sluice_store_restarts_total',
    'Times that the process of a store was started again.',
    ['store'],
    ({ stores }) => stores.map(({ name, restarts }) => [{ store: name }, restarts] as const),
  )
}

const replayStates: readonly ReplayStatus['state'][] = ['running', 'waiting', 'done', 'cancelled', 'failed']

function addReplayMetrics(pull: PulledMetrics): void {
  const named = ({ name, sink }: ReplayStatus) => ({ sink, replay: name })
  pull.counter(
    'sluice_replay_rows_total',
    'The books of replays.',
    ['sink', 'replay', 'stream', 'term'],
    ({ replays }) =>
      replays.flatMap((replay) =>
        [...booksByStream(replay)].flatMap(([stream, books]) =>
          Object.entries(books).map(
            ([term, rows]) => [{ ...named(replay), stream, term: snake(term) }, rows] as const,
          ),
        ),
      ),
  )
  pull.gauge(
    'sluice_replay_done_ratio',
    'Share of the log that a replay has passed, of what it is to pass.',
    ['sink', 'replay'],
    ({ replays }) => replays.map((replay) => [named(replay), replay.done] as const),
  )
  pull.gauge(
    'sluice_replay_state',
    '1 for the state that a replay is in.',
    ['sink', 'replay', 'state'],
    ({ replays }) =>
      replays.flatMap((replay) =>
        replayStates.map((state) => [{ ...named(replay), state }, replay.state === state ? 1 : 0] as const),
      ),
  )
}

/** A copy may bring a stream of several logs. */
function booksByStream({ parts }: ReplayStatus): Map<string, Record<string, number>> {
  const sums = new Map<string, Record<string, number>>()
  for (const { stream, books } of parts) {
    const sum = sums.get(stream) ?? {}
    for (const [term, rows] of Object.entries({ ...books })) sum[term] = (sum[term] ?? 0) + rows
    sums.set(stream, sum)
  }
  return sums
}

/** `deadLettered` → `dead_lettered`. */
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** What the MQTT gateway counts that goes up and down. */
const mqttGauges: ReadonlyMap<string, { readonly metric: string; readonly help: string }> = new Map([
  ['connectionsOpen', { metric: 'connections', help: 'Open MQTT connections.' }],
  ['subscriptions', { metric: 'subscriptions', help: 'MQTT subscriptions.' }],
  ['subscriptionBytes', { metric: 'subscription_bytes', help: 'What MQTT subscriptions take in memory.' }],
  ['sessions', { metric: 'sessions', help: 'MQTT sessions, those of clients that are away among them.' }],
  [
    'queuedMessages',
    { metric: 'queued_messages', help: 'MQTT messages that some session has not finished with.' },
  ],
  ['queuedBytes', { metric: 'queued_bytes', help: 'Bytes of those messages.' }],
  ['retainedMessages', { metric: 'retained_messages', help: 'Topics with a retained message.' }],
  ['retainedBytes', { metric: 'retained_bytes', help: 'Bytes of the retained messages.' }],
])
