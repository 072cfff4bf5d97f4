/** Limits that a record is judged by; each is a config key under `limits`. Bytes unless said otherwise. */
export interface RecordLimits {
  /** A payload that is not an array. */
  readonly payloadBytes: number
  /** Arrays and batches, at every door. */
  readonly batchBytes: number
  readonly topicBytes: number
  readonly textBytes: number
  /** Depth of nested objects in a generic payload. */
  readonly depth: number
  /** µs that a time may lie ahead of its receipt. */
  readonly aheadMicros: number
}

export const defaultRecordLimits: RecordLimits = {
  payloadBytes: 64 * 1024,
  batchBytes: 4 * 1024 * 1024,
  topicBytes: 1024,
  textBytes: 4096,
  depth: 8,
  aheadMicros: 3_600_000_000,
}

/** The latest time that Sluice keeps exactly: 2^53 µs, in the year 2255. */
export const maxMicros = 2 ** 53
