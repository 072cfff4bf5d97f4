import { balanceOf, doorFaults, sinkFaults } from './books.ts'
import { replayAnswer } from './replay-answer.ts'
import { mainSink, parseErrors, pointsDropped, pointsWritten } from './nexus-numbers.ts'
import { alarmsOf, backlogOf, type Snapshot } from './snapshot.ts'

/**
 * The answer of /status: first the members that the Nexus historian documents, as far as they mean something here, then the log, the
 * books and the sinks.
 */
export function statusAnswer(snapshot: Snapshot): object {
  const { log, intake, books, doors, http, live, addresses, stores, uptimeMs } = snapshot
  const { first, next, ...logRest } = log
  const sinks = snapshot.sinks.map((sink) => {
    const { position, passed, ...rest } = sink
    return {
      ...rest,
      position: position === undefined ? undefined : Number(position.next),
      backlog: backlogOf(sink, log),
      ...balanceOf(sinkFaults(sink)),
    }
  })
  return {
    service: 'sluice',
    uptime: `${Math.floor(uptimeMs / 1000)}s`,
    uptime_ms: Math.floor(uptimeMs),
    ...nexusMembers(snapshot),
    addresses,
    http,
    live,
    doors,
    log: { ...logRest, first: Number(first), next: Number(next) },
    intake,
    books: { ...books, ...balanceOf(doorFaults(books)) },
    sources: snapshot.sources,
    sinks,
    stores,
    replays: snapshot.replays.map(replayAnswer),
    alarms: alarmsOf(snapshot),
  }
}

/** What has no like here is left out: connection pools, a client id, the age of a batch. */
function nexusMembers(snapshot: Snapshot) {
  const { intake, books, mqtt, addresses } = snapshot
  const main = mainSink(snapshot)
  return {
    ingestion: {
      points_received: books.rowsReceived,
      points_dropped: pointsDropped(snapshot),
      buffer_size: intake.maxBytes,
      buffer_used: intake.underwayBytes,
      buffer_utilization: (100 * intake.underwayBytes) / intake.maxBytes,
    },
    mqtt: {
      ...mqtt.counters,
      connected: addresses['mqtt'] !== undefined,
      connections: mqtt.counters['connectionsOpen'] ?? 0,
      broker: addresses['mqtt'],
      topics: mqtt.topics,
      addresses: mqtt.addresses,
      messages_received: books.messagesReceived,
      parse_errors: parseErrors(snapshot),
    },
    database: {
      batches_written: snapshot.batchesWritten,
      points_written: pointsWritten(snapshot),
      write_errors: main?.retries ?? 0,
      retries_total: main?.retries ?? 0,
      last_write_time_ms: main?.lastWriteMs ?? 0,
    },
    batcher: {
      batches_flushed: snapshot.batchesWritten,
      points_batched: books.rowsAccepted,
      current_batch_size: intake.openRows,
    },
  }
}
