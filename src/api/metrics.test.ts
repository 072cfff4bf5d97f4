import assert from 'node:assert/strict'
import test from 'node:test'
import type { ReplayStatus } from '../core/replay.ts'
import { createMetrics } from './metrics.ts'
import { alarmsOf, type SinkSnapshot, type Snapshot, type SourceSnapshot } from './snapshot.ts'
import { statusAnswer } from './status.ts'

const books = {
  handed: 10,
  stored: 6,
  repeated: 1,
  overwritten: 2,
  filtered: 1,
  deadLettered: 0,
  expired: 0,
  damaged: 0,
}

const sink: SinkSnapshot = {
  name: 'main',
  stream: 'readings',
  state: 'running',
  error: undefined,
  books,
  position: { log: 'l', partition: 0, next: 12n },
  passed: 10,
  retries: 3,
  failures: 0,
  lastWriteMs: 4,
  lastRows: 5,
}

const source: SourceSnapshot = {
  name: 'factory',
  type: 'mqtt-broker',
  state: 'running',
  error: undefined,
  failures: 0,
  failingMs: 0,
  isConnected: true,
  connects: 3,
  accepted: 7,
  deadLettered: 1,
  refused: 4,
  ignored: 5,
  redelivered: 6,
  acknowledged: 8,
  unacknowledged: 9,
  unacknowledgedBytes: 900,
  lag: undefined,
}

const quiet: Snapshot = {
  uptimeMs: 61_500,
  setAsideState: undefined,
  log: {
    id: 'l',
    bytes: 4096,
    segments: 1,
    first: 0n,
    next: 2n ** 60n,
    rows: { readings: 14, 'dead-letters': 2 },
    commits: 5,
    syncs: 6,
    damagedFrames: 0,
    damagedPlaces: 0,
    renewals: 0,
    newRenewals: 0,
    tornTails: 0,
    state: 'open',
  },
  intake: {
    series: 3,
    openRows: 1,
    underwayBytes: 250,
    maxBytes: 1_000,
    deadLetterBytes: 9,
    maxDeadLetterBytes: 100,
    isLetterRefused: false,
    fullDevice: undefined,
    failedMessages: 1,
  },
  books: {
    messagesReceived: 9,
    messagesAccepted: 6,
    messagesRefused: 1,
    messagesDeadLettered: 2,
    rowsReceived: 17,
    rowsAccepted: 14,
    rowsRefused: 1,
    rowsDeadLettered: 2,
    letterBytes: 100,
  },
  doors: {
    mqtt: { accepted: 4, refused: 6, deadLettered: 2 },
    http: { accepted: 2, refused: 1, deadLettered: 0 },
  },
  http: { accepted: 2, refused: 1, turnedAway: 7 },
  mqtt: {
    topics: ['dev/{metric}'],
    addresses: [{ address: '10.0.0.7', connections: 4, refused: 0, malformed: 9, failedHandshakes: 0 }],
    counters: { connectionsOpen: 4, lostQos0: 1, bytesReceived: 100, refusedUnread: 5 },
  },
  live: { clients: 2, subscriptions: 3, ended: { flood: 1, tooLarge: 2 } },
  addresses: { mqtt: 'mqtt://127.0.0.1:1883' },
  sources: [source, { ...source, name: 'orders', lag: 11 }],
  sinks: [sink],
  replays: [],
  stores: [{ name: 'main', ready: true, error: undefined, restarts: 2, pid: 1 }],
  lagSeconds: 1.5,
  batchesWritten: 8,
}

/** Samples by name and labels, as a scraper reads them. */
async function scrape(snapshot: Snapshot): Promise<Map<string, number>> {
  const metrics = createMetrics(() => snapshot, 'main')
  metrics.commit(0.002)
  metrics.write('main', 'readings', 0.02)
  metrics.write('main', 'posts', 0.2)
  metrics.endToEnd('main', 0.03)
  const samples = new Map<string, number>()
  for (const line of (await metrics.text()).split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const at = line.lastIndexOf(' ')
    assert.ok(at > 0 && !samples.has(line.slice(0, at)), line)
    samples.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return samples
}

test('the names that Nexus documents have the values that it documents', async () => {
  const samples = await scrape(quiet)
  const expected = {
    points_received_total: 17,
    points_written_total: 8,
    points_dropped_total: 1,
    batches_flushed_total: 8,
    batch_duration_seconds_count: 1,
    batch_duration_seconds_sum: 0.02,
    'batch_duration_seconds_bucket{le="0.01"}': 0,
    'batch_duration_seconds_bucket{le="0.025"}': 1,
    parse_errors_total: 3,
    write_errors_total: 3,
    write_retries_total: 3,
    buffer_usage: 0.25,
    lag_seconds: 1.5,
    circuit_breaker_state: 0,
  }
  for (const [name, value] of Object.entries(expected))
    assert.equal(samples.get(`data_ingestion_${name}`), value, name)
  const down = await scrape({ ...quiet, sinks: [{ ...sink, state: 'down' }] })
  assert.equal(down.get('data_ingestion_circuit_breaker_state'), 1)
})

test("Sluice's own metrics show doors, rows, log, sinks and times", async () => {
  const samples = await scrape(quiet)
  const expected = {
    'sluice_messages_total{door="mqtt",outcome="dead_lettered"}': 2,
    'sluice_messages_total{door="http",outcome="refused"}': 1,
    'sluice_door_messages_total{outcome="received"}': 9,
    'sluice_door_messages_total{outcome="dead_lettered"}': 2,
    'sluice_rows_total{outcome="accepted"}': 14,
    sluice_http_turned_away_total: 7,
    sluice_mqtt_connections: 4,
    'sluice_mqtt_total{kind="bytes_received"}': 100,
    'sluice_source_messages_total{source="factory",outcome="accepted"}': 7,
    'sluice_source_messages_total{source="factory",outcome="dead_lettered"}': 1,
    'sluice_source_messages_total{source="factory",outcome="refused"}': 4,
    'sluice_source_messages_total{source="factory",outcome="ignored"}': 5,
    'sluice_source_redelivered_total{source="factory"}': 6,
    'sluice_source_acknowledged_total{source="factory"}': 8,
    'sluice_source_unacknowledged_messages{source="factory"}': 9,
    'sluice_source_unacknowledged_bytes{source="factory"}': 900,
    'sluice_source_reconnects_total{source="factory"}': 2,
    'sluice_source_lag_messages{source="orders"}': 11,
    'sluice_source_state{source="factory",state="running"}': 1,
    'sluice_source_state{source="factory",state="down"}': 0,
    sluice_live_clients: 2,
    sluice_live_subscriptions: 3,
    'sluice_live_ended_total{reason="flood"}': 1,
    'sluice_live_ended_total{reason="too_large"}': 2,
    sluice_log_bytes: 4096,
    sluice_log_segments: 1,
    sluice_log_syncs_total: 6,
    'sluice_log_rows_total{stream="dead-letters"}': 2,
    'sluice_log_state{state="open"}': 1,
    'sluice_log_state{state="disk-full"}': 0,
    'sluice_sink_rows_total{sink="main",stream="readings",term="overwritten"}': 2,
    'sluice_sink_backlog_rows{sink="main",stream="readings"}': 4,
    'sluice_sink_retries_total{sink="main",stream="readings"}': 3,
    'sluice_sink_state{sink="main",stream="readings",state="running"}': 1,
    'sluice_sink_state{sink="main",stream="readings",state="down"}': 0,
    'sluice_store_restarts_total{store="main"}': 2,
    sluice_commit_seconds_count: 1,
    'sluice_sink_write_seconds_count{sink="main",stream="posts"}': 1,
    'sluice_end_to_end_seconds_bucket{le="0.05",sink="main"}': 1,
    'sluice_end_to_end_seconds_bucket{le="0.025",sink="main"}': 0,
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(samples.get(name), value, name)
  assert.ok(!samples.has('sluice_source_lag_messages{source="factory"}'), 'it is not known')
  assert.ok((samples.get('process_resident_memory_bytes') ?? 0) > 1e6)
})

test('an alarm is raised while the books differ, a sink is down or the disk is full, and only then', async () => {
  const raised = async (snapshot: Snapshot) =>
    [...(await scrape(snapshot))].flatMap(([name, value]) =>
      value === 1 ? (/^sluice_alarm\{code="(.*)"\}$/.exec(name)?.[1] ?? []) : [],
    )
  assert.deepEqual(await raised(quiet), [])
  assert.deepEqual(await raised({ ...quiet, books: { ...quiet.books, rowsReceived: 18 } }), ['books-door'])
  assert.deepEqual(await raised({ ...quiet, sinks: [{ ...sink, books: { ...books, stored: 5 } }] }), [
    'books-sink',
  ])
  assert.deepEqual(await raised({ ...quiet, sinks: [{ ...sink, state: 'down', error: 'no table' }] }), [
    'sink-down',
  ])
  assert.deepEqual(await raised({ ...quiet, sinks: [{ ...sink, state: 'retrying', failures: 7 }] }), [])
  assert.deepEqual(await raised({ ...quiet, sinks: [{ ...sink, state: 'retrying', failures: 8 }] }), [
    'sink-retrying',
  ])
  const failing = (failingMs: number): Snapshot => {
    return { ...quiet, sources: [{ ...source, state: 'waiting', failures: 2, failingMs }] }
  }
  assert.deepEqual(await raised(failing(29_000)), [])
  assert.deepEqual(await raised(failing(30_000)), ['source-down'])
  assert.deepEqual(await raised({ ...quiet, sources: [{ ...source, state: 'down' }] }), ['source-down'])
  assert.deepEqual(await raised({ ...quiet, log: { ...quiet.log, state: 'disk-full' } }), ['disk-full'])
  assert.deepEqual(await raised({ ...quiet, sinks: [{ ...sink, passed: 9 }] }), ['books-log'])
  assert.deepEqual(
    await raised({ ...quiet, sinks: [{ ...sink, passed: 9, state: 'retrying' }] }),
    [],
    'a write that was cut half-way is tried again',
  )
  const sinks = quiet.sinks.map((sink) => {
    const { handed, damaged } = sink.books
    return { ...sink, passed: 17, books: { ...sink.books, handed: handed + 7, damaged: damaged + 7 } }
  })
  assert.deepEqual(await raised({ ...quiet, sinks }), ['rows-damaged'])
  assert.deepEqual(await raised({ ...quiet, log: { ...quiet.log, state: 'read-only' } }), ['log-read-only'])
  assert.deepEqual(await raised({ ...quiet, log: { ...quiet.log, damagedFrames: 1 } }), ['log-damaged'])
  const renewals = (newRenewals: number) => ({ ...quiet, log: { ...quiet.log, renewals: 1, newRenewals } })
  assert.deepEqual(await raised(renewals(1)), ['log-behind'])
  assert.deepEqual(await raised(renewals(0)), [], 'it was an earlier run')
  assert.deepEqual(await raised({ ...quiet, setAsideState: 'state.db.damaged-1' }), ['state-damaged'])
  const { intake } = quiet
  assert.deepEqual(await raised({ ...quiet, intake: { ...intake, deadLetterBytes: 90 } }), [
    'dead-letters-full',
  ])
  assert.deepEqual(await raised({ ...quiet, intake: { ...intake, isLetterRefused: true } }), [
    'dead-letters-full',
  ])
  for (const isLetterRefused of [false, true]) {
    const full = { ...quiet, intake: { ...intake, isLetterRefused, fullDevice: 'd 1' } }
    assert.match(alarmsOf(full)[0]?.message ?? '', /the device "d 1"/)
  }
  assert.deepEqual(await raised({ ...quiet, log: { ...quiet.log, damagedPlaces: 1 } }), ['log-damaged'])
})

test('a store that is away raises one alarm, not one a stream, and its backlog is shown', async () => {
  const away: Snapshot = {
    ...quiet,
    stores: [{ name: 'main', ready: false, error: 'it hangs', restarts: 0, pid: 1 }],
    sinks: ['readings', 'posts'].map((stream) => ({ ...sink, stream, state: 'down', error: 'it hangs' })),
  }
  assert.deepEqual(alarmsOf(away), [
    {
      code: 'store-down',
      message: 'store main is away: it hangs. The log keeps its rows, queries are refused',
    },
  ])
  const backlog = 'sluice_sink_backlog_rows{sink="main",stream="readings"}'
  assert.equal((await scrape(away)).get(backlog), 4)
  // What it has is not known before it says so.
  const starting = await scrape({ ...quiet, sinks: [{ ...sink, state: 'starting', passed: 0 }] })
  assert.equal(starting.get(backlog), undefined)
})

test('the books of a replay stand by themselves: in the metrics summed over logs, and held against their terms', async () => {
  const part = (log: string, stored: number) => ({
    stream: 'readings',
    log,
    position: 9n,
    books: { ...books, handed: 10, stored, repeated: 0, overwritten: 0, filtered: 0, deadLettered: 0 },
  })
  const replay = (stored: number): ReplayStatus => ({
    name: 'again',
    sink: 'main',
    fromStore: 'other',
    state: 'running',
    error: undefined,
    note: undefined,
    from: undefined,
    to: undefined,
    rate: undefined,
    started: 1e6,
    ended: undefined,
    principal: 'local',
    rows: 20,
    rowsPerSecond: 1.4,
    secondsLeft: 2.1,
    done: 0.5,
    parts: [part('a', 10), part('b', stored)],
  })
  const well: Snapshot = { ...quiet, replays: [replay(10)] }
  const text = await createMetrics(() => well, 'main').text()
  assert.match(
    text,
    /sluice_replay_rows_total\{sink="main",replay="again",stream="readings",term="stored"\} 20/,
  )
  assert.match(text, /sluice_replay_state\{sink="main",replay="again",state="running"\} 1/)
  assert.deepEqual(alarmsOf(well), [])
  const [alarm] = alarmsOf({ ...quiet, replays: [replay(9)] })
  assert.equal(alarm?.code, 'books-sink')
  assert.match(
    alarm.message,
    /replay again to main \(readings\) do not balance: it was handed 10 rows, the terms are 9/,
  )
})

test('a full log names whoever is furthest behind', () => {
  const full = { ...quiet.log, state: 'disk-full' } as const
  const messageOf = (more: Partial<Snapshot>) =>
    alarmsOf({ ...quiet, log: full, ...more }).find(({ code }) => code === 'disk-full')?.message ?? ''
  const late = {
    ...sink,
    name: 'late',
    position: { log: 'l', partition: 0, next: 11n },
  }
  const idle = { ...sink, name: 'idle', stream: 'posts', passed: 0, position: undefined }
  assert.match(
    messageOf({ sinks: [sink, late, idle] }),
    /log.maxBytes: it has 4096 bytes; .* sink late \(readings\) at 11,/,
  )
  const part = { stream: 'readings', log: 'l', position: 3n, books }
  const running = {
    name: 'again',
    fromStore: undefined,
    state: 'running',
    parts: [part],
  } as unknown as ReplayStatus // what the alarm looks at
  assert.match(
    messageOf({ sinks: [sink, idle], replays: [running] }),
    /furthest behind is replay again at 3,/,
  )
  const ended: ReplayStatus = { ...running, state: 'cancelled' }
  assert.match(messageOf({ sinks: [idle], replays: [ended] }), /it has 4096 bytes$/)
})

test('where the books differ, status says by how much', () => {
  const status = JSON.parse(
    JSON.stringify(
      statusAnswer({
        ...quiet,
        books: { ...quiet.books, messagesReceived: 10, rowsReceived: 16 },
        sinks: [{ ...sink, books: { ...books, stored: 5 }, passed: 12 }],
      }),
    ),
  ) as { books: object; sinks: object[]; alarms: { code: string }[] }
  assert.equal(Reflect.get(status.books, 'balanced'), false)
  assert.equal(
    Reflect.get(status.books, 'difference'),
    'the door received 10 messages, but accepted + refused + dead lettered are 9; ' +
      'the door received 16 rows, but accepted + refused + dead lettered are 17',
  )
  assert.equal(
    Reflect.get(status.sinks[0] ?? {}, 'difference'),
    'the books of main (readings) do not balance: it was handed 10 rows, the terms are 9; ' +
      'main (readings) was handed 10 rows, but the log counts 12 up to its position',
  )
  assert.deepEqual(
    status.alarms.map(({ code }) => code),
    ['books-door', 'books-door', 'books-sink', 'books-log'],
  )
})

test("status has Nexus' documented members, and is JSON whatever the numbers are", () => {
  const status: unknown = JSON.parse(
    JSON.stringify(statusAnswer({ ...quiet, sinks: [{ ...sink, state: 'down', error: 'no table' }] })),
  )
  const part = (name: string): unknown => Reflect.get(Object(status), name)
  assert.deepEqual([part('service'), part('uptime'), part('uptime_ms')], ['sluice', '61s', 61_500])
  assert.deepEqual(part('ingestion'), {
    points_received: 17,
    points_dropped: 1,
    buffer_size: 1_000,
    buffer_used: 250,
    buffer_utilization: 25,
  })
  assert.deepEqual(part('database'), {
    batches_written: 8,
    points_written: 8,
    write_errors: 3,
    retries_total: 3,
    last_write_time_ms: 4,
  })
  assert.deepEqual(part('batcher'), { batches_flushed: 8, points_batched: 14, current_batch_size: 1 })
  assert.deepEqual(part('alarms'), [{ code: 'sink-down', message: 'main (readings) is down: no table' }])
  assert.deepEqual(Reflect.get(Object(part('mqtt')), 'messages_received'), 9)
  assert.deepEqual(Reflect.get(Object(part('mqtt')), 'addresses'), quiet.mqtt.addresses)
})
