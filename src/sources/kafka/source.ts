import type { Intake } from '../../core/intake.ts'
import { type FeedSource, type FeedStatus } from '../../core/source.ts'
import type { SourceParts } from '../component.ts'
import { type FeedCounters, MessageTaker, newFeedCounters } from '../message-taker.ts'
import { KafkaAttempt } from './attempt.ts'
import { clientOptions } from './client.ts'
import { Cursors } from './cursors.ts'
import type { KafkaOptions } from './options.ts'
import { RecordMessage } from './record-message.ts'

/**
 * Topics of Kafka into the log. An offset is committed to the group after the records below it are on disk; after a crash records are read
 * again from there.
 */
export class KafkaSource implements FeedSource {
  readonly name: string
  readonly #options: KafkaOptions
  readonly #parts: SourceParts
  readonly #cursors: Cursors
  readonly #counters: FeedCounters = newFeedCounters()
  #attempt: KafkaAttempt | undefined
  /** What was taken so far is on disk, or is known not to be. */
  #drained: Promise<void> = Promise.resolve()

  constructor(options: KafkaOptions, parts: SourceParts) {
    this.name = parts.name
    this.#options = options
    this.#parts = parts
    this.#cursors = new Cursors(parts.name, options.group, parts.state)
  }

  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    const { name, formats, limits, logger } = this.#parts
    const attempt = new KafkaAttempt({
      client: clientOptions(this.#options, `sluice-${this.#parts.instance}-${this.name}`),
      options: this.#options,
      intake,
      cursors: this.#cursors,
      taker: new MessageTaker({ name, intake, limits, logger, counters: this.#counters }),
      message: new RecordMessage(formats, this.#options.format),
      counters: this.#counters,
      logger,
      before: this.#drained,
    })
    this.#attempt = attempt
    try {
      await attempt.run(signal)
    } finally {
      this.#drained = attempt.drained()
      this.#attempt = undefined
    }
  }

  status(): FeedStatus {
    const reader = this.#attempt?.reader
    const status = { ...this.#counters, unacknowledged: 0, unacknowledgedBytes: 0 }
    if (reader === undefined) return status
    let lag = 0
    for (const partition of reader.partitions.values()) {
      const { messages, bytes } = partition.unacknowledged
      status.unacknowledged += messages
      status.unacknowledgedBytes += bytes
      lag += partition.lag
    }
    return { ...status, lag }
  }
}
