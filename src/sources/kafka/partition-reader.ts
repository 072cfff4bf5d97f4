import { type Consumer, FetchIsolationLevels, ListOffsetTimestamps } from '@platformatic/kafka'
import type { Intake } from '../../core/intake.ts'
import { SourceFailure } from '../../core/source.ts'
import { wait } from '../../lib/wait.ts'
import type { SourceLog } from '../component.ts'
import type { MessageTaker } from '../message-taker.ts'
import type { Cursors } from './cursors.ts'
import { isOutOfRange } from './failure.ts'
import type { KafkaOptions } from './options.ts'
import { type Partition, partitionKey } from './partition.ts'
import type { RecordMessage } from './record-message.ts'
import { committedBatches, type FetchedPartition, type FetchResponse, nextOffset } from './records.ts'

/** How long a broker that has nothing new keeps a fetch. */
const fetchWaitMs = 500
/** How long to wait while nothing can be kept (disk full, dead letters full), and for a partition that has no leader. */
const pauseMs = 1_000
/** Records that are so much older than others may have been sent after them. */
const clockSkewMs = 60_000n

type Metadata = Awaited<ReturnType<Consumer['metadata']>>

export interface PartitionReaderParts {
  readonly consumer: Consumer
  readonly taker: MessageTaker
  readonly message: RecordMessage
  readonly intake: Intake
  readonly cursors: Cursors
  readonly options: Pick<KafkaOptions, 'topics' | 'fetchBytes'>
  readonly logger: SourceLog
  /** The attempt is over. */
  readonly fail: (error: unknown) => void
}

/**
 * Takes the records of the partitions of one assignment, from `start` to `close`: fetch, take, `durable()`, and the next fetch meanwhile.
 * One loop a broker, so that a quiet one holds no other up. Nothing of it remembers records: what was not taken is fetched again.
 */
export class PartitionReader {
  readonly partitions: ReadonlyMap<string, Partition>
  readonly #parts: PartitionReaderParts
  readonly #closing = new AbortController()
  readonly #loops = new Map<number, Promise<void>>()
  #looking: Promise<void> = Promise.resolve()
  /** The last call of `durable`: resolves to false if it failed, and then nothing more is taken. */
  #durable: Promise<boolean> = Promise.resolve(true)
  #isDurable = true
  readonly #closed: Promise<void>

  constructor(partitions: readonly Partition[], parts: PartitionReaderParts) {
    this.partitions = new Map(partitions.map((each) => [partitionKey(each.topic, each.index), each]))
    this.#parts = parts
    const { signal } = this.#closing
    this.#closed = new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }

  start(): void {
    this.#looking = this.#look().catch((error: unknown) => this.#fail(error))
  }

  /** Takes no more from now on. */
  close(): void {
    this.#closing.abort()
  }

  /** Everything taken is on disk, or is known not to be. After `close`. */
  async drained(): Promise<void> {
    await this.#durable
  }

  /**
   * Kafka has been told how far these have come. What stands beside the rows says so too, at once where no rows are on their way: or somebody
   * who sets the group's offset back would not be heard.
   */
  told(partitions: readonly Partition[]): void {
    if (this.#isDurable) this.#makeDurable(partitions)
  }

  /** No fetch is under way any more. After `close`. */
  async ended(): Promise<void> {
    await this.#looking
    await Promise.all(this.#loops.values())
  }

  /** Keeps a loop for each broker that leads one of the partitions. */
  async #look(): Promise<void> {
    const { signal } = this.#closing
    const counts = new Map<string, number>()
    while (!signal.aborted && this.partitions.size > 0) {
      const metadata = await this.#metadata()
      if (signal.aborted) return
      for (const [topic, { partitionsCount }] of metadata.topics) {
        // A group shares new partitions only when somebody joins anew.
        if ((counts.get(topic) ?? partitionsCount) !== partitionsCount)
          throw new SourceFailure('retry', `the topic ${topic} has more partitions now`)
        counts.set(topic, partitionsCount)
      }
      for (const each of this.partitions.values()) this.#startLoop(leaderOf(each, metadata))
      await wait(pauseMs, signal)
    }
  }

  #startLoop(node: number): void {
    if (node < 0 || this.#loops.has(node)) return
    const loop = this.#readFrom(node)
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#loops.delete(node))
    this.#loops.set(node, loop)
  }

  async #readFrom(node: number): Promise<void> {
    const { intake } = this.#parts
    const { signal } = this.#closing
    for (;;) {
      const metadata = await this.#metadata()
      const led = [...this.partitions.values()].filter((each) => leaderOf(each, metadata) === node)
      if (led.length === 0 || signal.aborted) return
      const response = await this.#fetch(node, led, metadata)
      // While what was taken before it is not on disk, nothing is taken: an offset must not reach the disk ahead of the rows below it.
      while (!signal.aborted && (!this.#isDurable || intake.room() !== undefined))
        await Promise.race([this.#isDurable ? intake.room() : this.#durable, this.#closed])
      if (signal.aborted) return
      if (response !== undefined && !this.#take(response, metadata)) await wait(pauseMs, signal)
    }
  }

  async #fetch(
    node: number,
    led: readonly Partition[],
    metadata: Metadata,
  ): Promise<FetchResponse | undefined> {
    const { consumer, options } = this.#parts
    const topics = led.map((each) => ({
      topicId: metadata.topics.get(each.topic)?.id ?? '',
      partitions: [
        {
          partition: each.index,
          fetchOffset: each.position,
          partitionMaxBytes: options.fetchBytes,
          currentLeaderEpoch: -1,
          lastFetchedEpoch: -1,
        },
      ],
    }))
    try {
      return await consumer.fetch({
        node,
        topics,
        minBytes: 1,
        maxBytes: options.fetchBytes,
        maxWaitTime: fetchWaitMs,
        isolationLevel: FetchIsolationLevels.READ_COMMITTED,
      })
    } catch (error) {
      if (!isOutOfRange(error)) throw error
      await this.#comeInRange(led, metadata)
      return undefined
    }
  }

  /** False: something could not be kept, and is to be fetched again after a while. */
  #take(response: FetchResponse, metadata: Metadata): boolean {
    if (this.#parts.taker.begin() !== undefined) return false
    const names = new Map([...metadata.topics].map(([name, { id }]) => [id, name]))
    const touched: Partition[] = []
    let isWhole = true
    for (const { topicId, partitions } of response.responses)
      for (const fetched of partitions) {
        const key = partitionKey(names.get(topicId) ?? '', fetched.partitionIndex)
        const partition = this.partitions.get(key)
        if (partition === undefined) continue
        partition.end = fetched.highWatermark
        const before = partition.position
        isWhole = this.#takeOf(partition, fetched) && isWhole
        if (partition.position !== before) touched.push(partition)
      }
    if (touched.length > 0) this.#makeDurable(touched)
    return isWhole
  }

  #takeOf(partition: Partition, fetched: FetchedPartition): boolean {
    const { taker, message } = this.#parts
    for (const batch of committedBatches(fetched)) {
      partition.leaderEpoch = batch.partitionLeaderEpoch
      partition.time = batch.maxTimestamp
      for (const record of batch.records) {
        const offset = batch.firstOffset + BigInt(record.offsetDelta)
        // A fetch brings whole batches: what stands before the offset asked for was taken already.
        if (offset < partition.position) continue
        message.set(partition.topic, partition.index, offset, record)
        if (taker.take(message) === 'refused') return false
        partition.take(offset, message.bytes)
      }
    }
    const next = nextOffset(fetched)
    if (next !== undefined && next > partition.position) partition.position = next
    return true
  }

  /** The rows taken, and beside them how far that is. */
  #makeDurable(partitions: readonly Partition[]): void {
    const { intake, cursors, taker } = this.#parts
    const reached = partitions.map((partition) => {
      const { cursor, cursorKey: key } = partition
      cursors.add(intake, key, cursor)
      return { partition, at: partition.reached, key, cursor }
    })
    this.#isDurable = false
    this.#durable = taker.durable().then(
      () => {
        for (const { partition, at, key, cursor } of reached) {
          partition.isDurable(at)
          cursors.keep(key, cursor)
        }
        return (this.#isDurable = true)
      },
      (error: unknown) => {
        this.#fail(new SourceFailure('retry', 'what was taken could not be written', error))
        this.close()
        return false
      },
    )
  }

  /** Kafka has deleted what comes next, the topic was made anew, or it has lost its end: goes on with the first record that is new. */
  async #comeInRange(led: readonly Partition[], metadata: Metadata): Promise<void> {
    const { consumer, cursors, logger } = this.#parts
    const topics = [...new Set(led.map(({ topic }) => topic))]
    const firsts = await consumer.listOffsets({ topics, timestamp: ListOffsetTimestamps.EARLIEST })
    const ends = await consumer.listOffsets({ topics, timestamp: ListOffsetTimestamps.LATEST })
    const moves: (() => Partition)[] = []
    for (const partition of led) {
      const { topic, index, position } = partition
      const first = firsts.get(topic)?.[index]
      const end = ends.get(topic)?.[index]
      if (first === undefined || end === undefined) continue
      if (position >= first && position <= end) continue
      const fields = { topic, partition: index, expected: `${position}`, first: `${first}`, end: `${end}` }
      const key = cursors.key(metadata.topics.get(topic)?.id ?? '', index)
      if (position < first || key !== partition.cursorKey || partition.time < 0n) {
        logger.warn(fields, 'the next record is gone from the topic: going on with the first one there is')
        moves.push(() => partition.move(first, end, key))
      } else {
        const to = await this.#firstSince(partition, end)
        logger.warn(
          { ...fields, next: `${to}` },
          'the topic has lost its end: going on with what is not much older than the last records taken',
        )
        moves.push(() => partition.move(to, end, key))
      }
    }
    while (!this.#isDurable && !this.#closing.signal.aborted)
      await Promise.race([this.#durable, this.#closed])
    if (moves.length === 0 || this.#closing.signal.aborted) return
    this.#makeDurable(moves.map((move) => move()))
  }

  /** The first record that is not much older than what was taken last: clocks of producers differ a little. */
  async #firstSince({ topic, index, time }: Partition, end: bigint): Promise<bigint> {
    const offsets = await this.#parts.consumer.listOffsets({
      topics: [topic],
      partitions: { [topic]: [index] },
      timestamp: time > clockSkewMs ? time - clockSkewMs : 0n,
    })
    const offset = offsets.get(topic)?.[index] ?? -1n
    return offset < 0n ? end : offset
  }

  #metadata(): Promise<Metadata> {
    return this.#parts.consumer.metadata({ topics: [...this.#parts.options.topics] })
  }

  /** After `close` nobody waits for it any more. */
  #fail(error: unknown): void {
    if (!this.#closing.signal.aborted) this.#parts.fail(error)
  }
}

function leaderOf(partition: Partition, metadata: Metadata): number {
  return metadata.topics.get(partition.topic)?.partitions[partition.index]?.leader ?? -1
}
