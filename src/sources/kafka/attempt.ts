import { Consumer, ListOffsetTimestamps } from '@platformatic/kafka'
import type { Intake } from '../../core/intake.ts'
import { SourceFailure } from '../../core/source.ts'
import { wait } from '../../lib/wait.ts'
import type { SourceLog } from '../component.ts'
import type { FeedCounters, MessageTaker } from '../message-taker.ts'
import { type ClientOptions, groupOptions } from './client.ts'
import type { Cursors } from './cursors.ts'
import { isRebalance, kafkaFailure } from './failure.ts'
import type { KafkaOptions } from './options.ts'
import { Partition } from './partition.ts'
import { PartitionReader } from './partition-reader.ts'
import type { RecordMessage } from './record-message.ts'

/** How often Kafka is told how far what is on disk reaches. */
const commitEveryMs = 1_000
/** How long partitions that are given up at the end wait for the disk, and for Kafka to take their offsets. */
const drainMs = 3_000
const closeMs = 2_000

type Assignments = NonNullable<Consumer['assignments']>

export interface AttemptParts {
  readonly client: ClientOptions
  readonly options: KafkaOptions
  readonly intake: Intake
  readonly cursors: Cursors
  readonly taker: MessageTaker
  readonly message: RecordMessage
  readonly counters: FeedCounters
  readonly logger: SourceLog
  /** What the attempts before took is on disk, or is known not to be. */
  readonly before: Promise<void>
}

/**
 * One membership of the consumer group: join, read what is assigned, commit offsets, until the signal aborts or something fails.
 *
 * Before every join the library asks for our metadata, and waits for it. There the partitions of the last assignment are given up: nothing
 * more is taken, what was taken reaches the disk, and its offsets reach Kafka, so that whoever gets the partition goes on behind them.
 */
export class KafkaAttempt {
  readonly #parts: AttemptParts
  readonly #consumer: Consumer
  /** Commits, and nothing else: on a connection of its own, for a join holds the other one up. */
  readonly #committer: Consumer
  readonly #failure = Promise.withResolvers<never>()
  #reader: PartitionReader | undefined
  #previous: PartitionReader | undefined
  /** Counts assignments: what an older one still prepares is void. */
  #assignment = 0

  constructor(parts: AttemptParts) {
    this.#parts = parts
    const group = groupOptions(parts.client, parts.options)
    this.#consumer = new Consumer({
      ...group,
      protocolsMetadata: async () => {
        // No heartbeat is sent meanwhile: Kafka must not take us for gone.
        await this.#giveUp(parts.options.sessionTimeoutMs / 2)
        return Buffer.alloc(0)
      },
    })
    // Without retries: a commit that comes too late for its generation must not join the group.
    this.#committer = new Consumer({ ...group, clientId: `${group.clientId}-commits`, retries: 0 })
    this.#failure.promise.catch(() => {}) // it may come when nobody waits any more
    const fail = (error: unknown): void => this.#failure.reject(error)
    this.#consumer.on('error', fail)
    this.#committer.on('error', () => {})
    this.#consumer.on('consumer:heartbeat:stalled', ({ lastError }) =>
      fail(new SourceFailure('retry', 'the group does not hear us any more', lastError)),
    )
    this.#consumer.on('consumer:group:join', ({ assignments }) => {
      this.#begin(assignments ?? []).catch(fail)
    })
  }

  get reader(): PartitionReader | undefined {
    return this.#reader
  }

  /** What this attempt and those before took is on disk, or is known not to be. After `run`. */
  drained(): Promise<void> {
    return this.#previous?.drained() ?? this.#parts.before
  }

  async run(signal: AbortSignal): Promise<void> {
    const { options, counters } = this.#parts
    const ended = new AbortController()
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true, signal: ended.signal })
    })
    const committing = this.#commitEverySecond(ended.signal)
    try {
      for (const client of [this.#consumer, this.#committer]) client.topics.trackAll(...options.topics)
      const joined = this.#consumer
        .metadata({ topics: [...options.topics] })
        .then(() => this.#consumer.joinGroup())
      await Promise.race([joined, this.#failure.promise, aborted])
      if (signal.aborted) return
      counters.connects++
      counters.isConnected = true
      await Promise.race([committing, this.#failure.promise, aborted])
    } catch (error) {
      throw kafkaFailure(error)
    } finally {
      counters.isConnected = false
      ended.abort()
      await this.#giveUp(drainMs)
      await this.#close()
    }
  }

  /** Takes no more of what was assigned, and tells Kafka how far it has come. */
  async #giveUp(patienceMs: number): Promise<void> {
    this.#assignment++
    const reader = this.#reader
    if (reader === undefined) return
    this.#reader = undefined
    reader.close()
    this.#previous = reader
    const over = new AbortController()
    const done = async (): Promise<void> => {
      await reader.drained()
      // By then others may own its partitions, and be further.
      if (over.signal.aborted) return
      await this.#commit(reader)
      await reader.drained()
    }
    await Promise.race([done().catch(() => {}), wait(patienceMs, over.signal)])
    over.abort()
  }

  async #begin(assignments: Assignments): Promise<void> {
    const assignment = ++this.#assignment
    // Joined anew without a word before: two readers of one partition would take everything twice.
    this.#reader?.close()
    this.#previous = this.#reader ?? this.#previous
    this.#reader = undefined
    // Two fetches at one time on one connection disturb each other.
    await this.#previous?.ended()
    // Only then is it known where to go on: what is on its way to the disk would be taken a second time.
    await this.drained()
    const partitions = await this.#positions(assignments)
    if (assignment !== this.#assignment) return
    const { logger, intake, cursors, taker, message, options } = this.#parts
    logger.info({ partitions: partitions.length, group: options.group }, 'has its partitions')
    const fail = (error: unknown): void => this.#failure.reject(error)
    const parts = { consumer: this.#consumer, intake, cursors, taker, message, options, logger, fail }
    this.#reader = new PartitionReader(partitions, parts)
    this.#reader.start()
  }

  /** Each partition from where this Sluice or the group has left it. */
  async #positions(assignments: Assignments): Promise<Partition[]> {
    if (assignments.length === 0) return []
    const { cursors, options } = this.#parts
    const topics = assignments.map(({ topic, partitions }) => ({ topic, partitions: [...partitions] }))
    const metadata = await this.#consumer.metadata({ topics: topics.map(({ topic }) => topic) })
    const offsets = await this.#consumer.listCommittedOffsets({ topics })
    const known = topics.flatMap(({ topic, partitions }) =>
      partitions.map((index) => {
        const committed = offsets.get(topic)?.[index] ?? -1n
        const key = cursors.key(metadata.topics.get(topic)?.id ?? '', index)
        return { topic, index, key, committed, from: cursors.resume(key, committed) }
      }),
    )
    const isNew = known.some(({ from }) => from === undefined)
    const { EARLIEST, LATEST } = ListOffsetTimestamps
    const timestamp = options.startAt === 'latest' ? LATEST : EARLIEST
    const begins = isNew
      ? await this.#consumer.listOffsets({ topics: topics.map(({ topic }) => topic), timestamp })
      : undefined
    return known.map(({ topic, index, key, committed, from = begins?.get(topic)?.[index] }) => {
      if (from === undefined) throw new SourceFailure('retry', `Kafka names no offset of ${topic}[${index}]`)
      return new Partition(topic, index, key, from, committed, cursors.time(key))
    })
  }

  async #commitEverySecond(signal: AbortSignal): Promise<void> {
    for (;;) {
      await wait(commitEveryMs, signal)
      if (signal.aborted) return
      if (this.#reader !== undefined) await this.#commit(this.#reader)
    }
  }

  /** Only what is on disk, and only what Kafka has not been told yet. */
  async #commit(reader: PartitionReader): Promise<void> {
    const due = [...reader.partitions.values()].flatMap((partition) =>
      partition.due === undefined ? [] : [{ partition, reached: partition.due }],
    )
    const { memberId, generationId } = this.#consumer
    if (due.length === 0 || memberId === null) return
    this.#committer.memberId = memberId
    this.#committer.generationId = generationId
    try {
      await this.#committer.commit({
        offsets: due.map(({ partition, reached }) => ({
          topic: partition.topic,
          partition: partition.index,
          offset: reached.offset,
          leaderEpoch: reached.leaderEpoch,
        })),
      })
    } catch (error) {
      if (!isRebalance(error)) throw error
      this.#parts.logger.debug({ err: error }, 'a commit of offsets came too late for its assignment')
      return
    }
    for (const { partition, reached } of due)
      this.#parts.counters.acknowledged += partition.isCommitted(reached)
    reader.told(due.map(({ partition }) => partition))
  }

  /** Leaves the group, so that others get the partitions at once. Bounded: a broker that is gone answers nothing. */
  async #close(): Promise<void> {
    const late = new AbortController()
    const closed = Promise.allSettled([this.#consumer.close(true), this.#committer.close(true)])
    await Promise.race([closed, wait(closeMs, late.signal)])
    late.abort()
  }
}
