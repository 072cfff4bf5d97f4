import type { IPublishPacket } from 'mqtt-packet'
import type { Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { SourceFailure } from '../../core/source.ts'
import type { SourceParts } from '../component.ts'
import { type FeedCounters, isUnmatched, MessageTaker } from '../message-taker.ts'
import type { BrokerLink, LinkHandlers } from './broker-link.ts'
import type { BrokerOptions } from './options.ts'

/** Messages of one read: durable together, acknowledged together. */
interface Read {
  readonly messageIds: number[]
  messages: number
  bytes: number
}

/** What one connection takes, and what of it waits for its commit. */
export class Taking implements LinkHandlers {
  link: BrokerLink | undefined
  /** Rejects when what was taken cannot be kept: the connection is given up, and the broker sends it again. */
  readonly failed: Promise<never>
  readonly #failure = Promise.withResolvers<never>()
  readonly #options: BrokerOptions
  readonly #parts: SourceParts
  readonly #counters: FeedCounters
  readonly #intake: Intake
  readonly #taker: MessageTaker
  readonly #topic: Uint8Array
  #read: Read | undefined
  #underway: Promise<void> = Promise.resolve()
  #isStopping = false
  #isOver = false
  #refused: NodeJS.Timeout | undefined

  constructor(options: BrokerOptions, parts: SourceParts, counters: FeedCounters, intake: Intake) {
    this.failed = this.#failure.promise
    this.failed.catch(() => undefined)
    this.#options = options
    this.#parts = parts
    this.#counters = counters
    this.#intake = intake
    this.#taker = new MessageTaker({ ...parts, intake, counters })
    this.#topic = new Uint8Array(parts.limits.topicBytes)
  }

  publish(packet: IPublishPacket, payload: Buffer): void {
    if (this.#isStopping || this.#isOver) return
    const read = this.#begin()
    if (read === undefined) return
    const counters = this.#counters
    const { qos, dup, topic, messageId } = packet
    if (dup) counters.redelivered++
    const route = this.#route(topic)
    if (this.#options.unmatched === 'ignore' && isUnmatched({ topic, route }, this.#parts.limits))
      counters.ignored++
    else {
      const contentType = packet.properties?.contentType
      const format = this.#parts.formats(this.#options.format ?? contentType)
      const outcome = this.#taker.take({ payload, topic, route, format, contentType })
      if (outcome === 'refused') {
        this.#askAgain()
        return
      }
    }
    const bytes = payload.length + topic.length
    read.messages++
    read.bytes += bytes
    counters.unacknowledged++
    counters.unacknowledgedBytes += bytes
    if (qos > 0 && messageId !== undefined) read.messageIds.push(messageId)
  }

  /** The messages of a read share a commit, or stand in that of others which are read in this turn. */
  readDone(): void {
    const read = this.#read
    this.#read = undefined
    if (read === undefined || this.#isOver) return
    if (read.messages > 0) this.#underway = this.#keep(read)
    this.#flow()
  }

  /** Takes nothing more; resolves when nothing waits for its commit. */
  async stop(): Promise<void> {
    this.#isStopping = true
    this.link?.pause()
    await this.#underway
  }

  /** The connection is over: what is not acknowledged by now the broker sends again. */
  leave(): void {
    this.#isOver = true
    clearTimeout(this.#refused)
    this.#counters.unacknowledged = 0
    this.#counters.unacknowledgedBytes = 0
  }

  #begin(): Read | undefined {
    if (this.#read !== undefined) return this.#read
    const closedBy = this.#taker.begin()
    if (closedBy !== undefined) {
      this.#fail(nothingKept(closedBy))
      return undefined
    }
    this.#read = { messageIds: [], messages: 0, bytes: 0 }
    return this.#read
  }

  async #keep(read: Read): Promise<void> {
    try {
      // Commits end in their order, and so do these.
      await this.#taker.durable()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#fail(new SourceFailure('retry', `a commit failed, the broker sends it again: ${why}`, error))
      return
    }
    if (this.#isOver) return
    const counters = this.#counters
    counters.unacknowledged -= read.messages
    counters.unacknowledgedBytes -= read.bytes
    counters.acknowledged += read.messageIds.length
    this.link?.acknowledge(read.messageIds)
    this.#flow()
  }

  /** Reads on, or makes the broker wait. */
  #flow(): void {
    if (
      this.#isStopping ||
      this.#isOver ||
      this.#counters.unacknowledgedBytes >= this.#options.maxUnacknowledgedBytes
    ) {
      this.link?.pause()
      return
    }
    const room = this.#intake.room()
    if (room === undefined) this.link?.resume()
    else {
      this.link?.pause()
      room.then(
        () => this.#flow(),
        (error: unknown) => this.#fail(new SourceFailure('retry', String(error), error)),
      )
    }
  }

  #route(topic: string): Route | undefined {
    const { read, written } = encoder.encodeInto(topic, this.#topic)
    return read < topic.length ? undefined : this.#parts.router.route(this.#topic, 0, written)
  }

  /** Good messages are taken on; those refused hold places of the window until the broker is asked for them again. */
  #askAgain(): void {
    this.#refused ??= setTimeout(() => {
      const why = 'the dead letters are full: discard or replay some, or raise deadLetters.maxBytes'
      this.#fail(new SourceFailure('retry', `messages that cannot be read were not taken, since ${why}`))
    }, againMs)
  }

  #fail(failure: SourceFailure): void {
    this.#isOver = true
    this.#failure.reject(failure)
  }
}

const encoder = new TextEncoder()

/** Messages that found no room among the dead letters are asked for again, by a new connection, after this long. */
const againMs = 10_000

export function nothingKept(code: string): SourceFailure {
  return new SourceFailure('retry', `nothing can be kept now (${code}), so nothing is taken from the broker`)
}
