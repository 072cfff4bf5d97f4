import type { SinkSnapshot, Snapshot } from './snapshot.ts'

/** The numbers that the Nexus historian documents, under /status and as `data_ingestion_*` metrics. */

/** What stands for its database: the readings of the main store. */
export function mainSink({ sinks }: Snapshot): SinkSnapshot | undefined {
  return sinks.find(({ stream }) => stream === 'readings')
}

export function pointsWritten(snapshot: Snapshot): number {
  const books = mainSink(snapshot)?.books
  return books === undefined ? 0 : books.stored + books.overwritten
}

/** What was taken and is not in the store: expired before the store came back, damaged on disk, or lost at QoS 0 with a failed commit. */
export function pointsDropped(snapshot: Snapshot): number {
  const books = mainSink(snapshot)?.books
  return (snapshot.mqtt.counters['lostQos0'] ?? 0) + (books === undefined ? 0 : books.expired + books.damaged)
}

/** Messages that nobody could read, at any door; not those refused unread or with a failed commit, as the best of them may be. */
export function parseErrors({ doors, mqtt, intake }: Snapshot): number {
  const unfit = Object.values(doors).reduce((sum, door) => sum + door.refused + door.deadLettered, 0)
  return unfit - (mqtt.counters['refusedUnread'] ?? 0) - intake.failedMessages
}

/** The main store as a circuit breaker: 0 closed, 1 open, 2 half-open. */
export function breakerState(snapshot: Snapshot): number {
  const state = mainSink(snapshot)?.state
  return state === 'down' || state === 'stopped' ? 1 : state === 'retrying' ? 2 : 0
}
