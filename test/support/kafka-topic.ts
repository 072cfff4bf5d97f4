import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import {
  Admin,
  Consumer,
  ListOffsetTimestamps,
  type MessageToProduce,
  Producer,
  type ProducerOptions,
} from '@platformatic/kafka'

/** Strings in, strings out. */
const text = (value?: string): Buffer | undefined => (value === undefined ? undefined : Buffer.from(value))
const serializers = { key: text, value: text, headerKey: text, headerValue: text }

/** A record of a test; bytes are written as latin1. */
export type TestRecord = Omit<MessageToProduce<string, string, string, string>, 'topic'>

/** A topic of a test's own on a Kafka, with somebody who writes into it. */
export class KafkaTopic {
  readonly name: string
  readonly #admin: Admin
  readonly #producer: Producer<string, string, string, string>
  readonly #address: string

  private constructor(
    name: string,
    address: string,
    options: Partial<ProducerOptions<string, string, string, string>>,
  ) {
    this.name = name
    this.#address = address
    const client = { bootstrapBrokers: [address], retries: 20, retryDelay: 250 }
    this.#admin = new Admin({ ...client, clientId: 'test-admin' })
    // A partition that is new has no leader for a moment: what is sent again then would stand twice in the others.
    const producer = { ...client, clientId: 'test-producer', serializers, idempotent: true }
    this.#producer = new Producer({ ...producer, ...options })
  }

  static async create(
    address: string,
    partitions: number,
    options: Partial<ProducerOptions<string, string, string, string>> = {},
  ): Promise<KafkaTopic> {
    const topic = new KafkaTopic(`test-${randomUUID()}`, address, options)
    await topic.#admin.createTopics({ topics: [topic.name], partitions, replicas: 1 })
    return topic
  }

  /** Returns when Kafka has them. */
  async send(records: readonly TestRecord[]): Promise<void> {
    const messages = records.map((record) => ({ ...record, topic: this.name }))
    await this.#producer.send({ messages, acks: -1 })
  }

  /** Sends them in a transaction that is taken back. */
  async sendAborted(records: readonly TestRecord[]): Promise<void> {
    const transaction = await this.#producer.beginTransaction()
    await transaction.send({ messages: records.map((record) => ({ ...record, topic: this.name })) })
    await transaction.abort()
  }

  async sendCommitted(records: readonly TestRecord[]): Promise<void> {
    const transaction = await this.#producer.beginTransaction()
    await transaction.send({ messages: records.map((record) => ({ ...record, topic: this.name })) })
    await transaction.commit()
  }

  /** What the group has committed, by partition; -1: nothing. */
  async committed(group: string): Promise<number[]> {
    const consumer = new Consumer({
      clientId: 'test-offsets',
      groupId: group,
      bootstrapBrokers: [this.#address],
    })
    try {
      const metadata = await consumer.metadata({ topics: [this.name] })
      const count = metadata.topics.get(this.name)?.partitionsCount ?? 0
      const partitions = Array.from({ length: count }, (_, index) => index)
      const offsets = await consumer.listCommittedOffsets({ topics: [{ topic: this.name, partitions }] })
      return (offsets.get(this.name) ?? []).map(Number)
    } finally {
      await consumer.close()
    }
  }

  /** Deletes the records of the first partition below `offset`, as retention does. */
  async deleteBelow(offset: number): Promise<void> {
    const partitions = [{ partition: 0, offset: BigInt(offset) }]
    await this.#admin.deleteRecords({ topics: [{ name: this.name, partitions }] })
  }

  async remake(partitions: number): Promise<void> {
    await this.#admin.deleteTopics({ topics: [this.name] })
    // Kafka deletes it a moment after it has said so.
    for (let tries = 0; ; tries++)
      try {
        await this.#admin.createTopics({ topics: [this.name], partitions, replicas: 1 })
        break
      } catch (error) {
        if (tries === 100) throw error
        await delay(100)
      }
    this.#producer.clearMetadata()
  }

  /** From one partition to more. */
  async grow(partitions: number): Promise<void> {
    const assignments = Array.from({ length: partitions - 1 }, () => ({ brokerIds: [1] }))
    await this.#admin.createPartitions({ topics: [{ name: this.name, count: partitions, assignments }] })
    this.#producer.clearMetadata()
  }

  /** Sets what the group has committed of the first partition. */
  async setCommitted(group: string, offset: bigint): Promise<void> {
    const partitionOffsets = [{ partition: 0, offset }]
    await this.#admin.alterConsumerGroupOffsets({
      groupId: group,
      topics: [{ name: this.name, partitionOffsets }],
    })
  }

  /** Where each partition ends. */
  async ends(): Promise<number[]> {
    const consumer = new Consumer({
      clientId: 'test-ends',
      groupId: 'none',
      bootstrapBrokers: [this.#address],
    })
    try {
      const offsets = await consumer.listOffsets({
        topics: [this.name],
        timestamp: ListOffsetTimestamps.LATEST,
      })
      return (offsets.get(this.name) ?? []).map(Number)
    } finally {
      await consumer.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#producer.close(), this.#admin.close()])
  }
}
