import type { Consumer } from '@platformatic/kafka'

export type FetchResponse = Awaited<ReturnType<Consumer['fetch']>>
export type FetchedPartition = FetchResponse['responses'][number]['partitions'][number]
export type FetchedBatch = NonNullable<FetchedPartition['records']>[number]
export type FetchedRecord = FetchedBatch['records'][number]

/** Bits of a batch's attributes (Kafka message format, RecordBatch). */
const isTransactional = 1 << 4
const isControl = 1 << 5

/**
 * The batches of a fetch that hold records of committed transactions or of none, in order. The library's own filter lets a batch
 * through whose abort marker comes with a later fetch, so the walk is done here as Kafka's own client does it: a producer's batches are
 * void from the first offset of its aborted transaction to that marker.
 */
export function* committedBatches(partition: FetchedPartition): Generator<FetchedBatch> {
  const aborted = (partition.abortedTransactions ?? []).toSorted((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : 1,
  )
  const aborting = new Set<bigint>()
  let next = 0
  for (const batch of partition.records ?? []) {
    const last = lastOffset(batch)
    for (let begun = aborted[next]; begun !== undefined && begun.firstOffset <= last; begun = aborted[++next])
      aborting.add(begun.producerId)
    if (batch.attributes & isControl) {
      if (isAbortMarker(batch)) aborting.delete(batch.producerId)
    } else if (!(batch.attributes & isTransactional && aborting.has(batch.producerId))) yield batch
  }
}

export function lastOffset(batch: FetchedBatch): bigint {
  return batch.firstOffset + BigInt(batch.lastOffsetDelta)
}

/** Where to go on after everything that a fetch has brought, markers and gaps of compaction included; undefined: it has brought nothing. */
export function nextOffset(partition: FetchedPartition): bigint | undefined {
  const last = partition.records?.at(-1)
  return last === undefined ? undefined : lastOffset(last) + 1n
}

/** The header's value as text; undefined if there is none. */
export function header(record: FetchedRecord, name: string): string | undefined {
  for (const [key, value] of record.headers)
    if (value !== null && key?.toString('latin1').toLowerCase() === name) return value.toString('utf8')
  return undefined
}

/** The key of a control record is (version int16, type int16); type 0 aborts. */
function isAbortMarker(batch: FetchedBatch): boolean {
  const key = batch.records[0]?.key
  return key !== undefined && key !== null && key.length >= 4 && key.readInt16BE(2) === 0
}
