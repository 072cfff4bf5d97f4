import type { Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import { type FeedSource, type FeedStatus, SourceFailure } from '../../core/source.ts'
import { wait } from '../../lib/wait.ts'
import type { SourceParts } from '../component.ts'
import { type FeedCounters, isUnmatched, MessageTaker, newFeedCounters } from '../message-taker.ts'
import { Consumer, offsetOf, streamOffset } from './consumer.ts'
import { AmqpLink, type Delivery } from './link.ts'
import { type AmqpOptions, placeOf } from './options.ts'
import {
  cursorAt,
  decodeCursor,
  encodeCursor,
  isAt,
  cursorAtEnd,
  lastMessage,
  replaced,
  type StreamCursor,
  silenceMs,
} from './stream-cursor.ts'
import { declareTopology, sharedQueues, waitingIn } from './topology.ts'

const refusedEveryMs = 500
/** Where the dead letters are full, they stay so until somebody acts. */
const fullEveryMs = 10_000
const lagEveryMs = 5_000
/** After the signal to stop, what was taken has this long to become durable. */
const drainMs = 3_000

/** One connection. */
interface Attempt {
  readonly link: AmqpLink
  readonly consumer: Consumer
  readonly intake: Intake
  readonly taker: MessageTaker
  /** Told to stop. */
  readonly signal: AbortSignal
  /** Told to stop, or the connection is lost. */
  readonly stop: AbortSignal
}

/** What is taken in one turn: durable together, acknowledged together. */
interface Taken {
  /** Delivery tag of the last message. */
  tag: number
  messages: number
  bytes: number
  /** Where a stream is behind it. */
  cursor: StreamCursor | undefined
  /** A message was left because nothing of it can be kept. */
  isFull: boolean
}

/**
 * A queue or a stream of RabbitMQ. What waits is taken, made durable and acknowledged, and only then is more taken: so a stream's cursor,
 * which is part of the same commit as the rows, can never pass a message whose commit has failed. Meanwhile RabbitMQ sends on, up to
 * the prefetch.
 */
export class AmqpSource implements FeedSource {
  readonly name: string
  readonly #options: AmqpOptions
  readonly #parts: SourceParts
  readonly #counters: FeedCounters = newFeedCounters()
  readonly #stream: { readonly vhost: string; readonly queue: string }
  /** On disk. */
  #cursor: StreamCursor | undefined
  #from: 'first' | 'next'
  /** The last message was not seen again yet on this connection. */
  #isResuming = false
  #consumer: Consumer | undefined

  constructor(options: AmqpOptions, parts: SourceParts) {
    this.name = parts.name
    this.#options = options
    this.#parts = parts
    this.#stream = { vhost: placeOf(options.url).vhost, queue: options.queue }
    this.#cursor = this.#keptCursor()
    this.#from = options.from
  }

  status(): FeedStatus {
    const { unacknowledged = 0, unacknowledgedBytes = 0 } = this.#consumer ?? {}
    return { ...this.#counters, unacknowledged, unacknowledgedBytes }
  }

  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    const { exchange, declare } = this.#options
    const counters = this.#counters
    const link = await AmqpLink.open(this.#options, `sluice ${this.#parts.instance} ${this.name}`, signal)
    const ending = new AbortController()
    const stop = AbortSignal.any([signal, link.ended, ending.signal])
    let watch: Promise<void> | undefined
    try {
      if (declare) await declareTopology(link, exchange, sharedQueues)
      const consumer = await this.#open(link, intake, stop)
      this.#consumer = consumer
      this.#isResuming = consumer.isStream && this.#cursor !== undefined && this.#cursor.offset >= 0
      counters.isConnected = true
      counters.connects++
      if (!consumer.isStream) watch = this.#watchLag(link, stop)
      const taker = new MessageTaker({ ...this.#parts, intake, counters })
      await this.#pump({ link, consumer, intake, taker, signal, stop })
      if (!signal.aborted) throw link.ended.reason
    } finally {
      ending.abort()
      counters.isConnected = false
      await link.close(...(this.#consumer === undefined ? [] : [this.#consumer.channel]))
      this.#consumer = undefined
      await watch
      counters.lag = undefined
    }
  }

  async #open(link: AmqpLink, intake: Intake, stop: AbortSignal): Promise<Consumer> {
    const { queue } = this.#options
    const from = this.#cursor === undefined ? this.#from : Math.max(0, this.#cursor.offset)
    const consumer = await Consumer.open(link, queue, this.#options, from)
    if (!consumer.isStream || from !== 'next') return consumer
    await link.call(consumer.channel.close())
    await this.#begin(link, intake, stop)
    return await this.#open(link, intake, stop)
  }

  /** A stream's end is kept before anything is taken behind it: what comes while Sluice is away is not passed over. */
  async #begin(link: AmqpLink, intake: Intake, stop: AbortSignal): Promise<void> {
    const cursor = await cursorAtEnd(link, this.#stream, stop)
    if (stop.aborted) throw link.ended.reason ?? new SourceFailure('retry', 'stopped')
    const room = intake.room()
    if (room !== undefined) await settled(room, stop, 0)
    const closedBy = intake.refusal()
    if (closedBy !== undefined)
      throw new SourceFailure('retry', `nothing can be kept now (${closedBy}), so the stream is not begun`)
    try {
      intake.set(this.#cursorKey, encodeCursor(cursor))
      await intake.durable()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new SourceFailure('retry', `a commit failed, the stream is not begun: ${why}`, error)
    }
    this.#cursor = cursor
  }

  async #pump(attempt: Attempt): Promise<void> {
    const { consumer, intake, taker, stop } = attempt
    for (;;) {
      await this.#some(attempt)
      if (stop.aborted) return
      const room = intake.room()
      if (room !== undefined) await settled(room, stop, 0)
      else if (taker.begin() !== undefined) await wait(refusedEveryMs, stop)
      else {
        const taken = this.#take(attempt)
        if (taken.messages > 0 && !(await this.#keep(taken, attempt))) return
        if (taken.isFull) await this.#waitForLetters(consumer, stop)
      }
    }
  }

  /** Makes it durable and acknowledges it. False where there is nobody left to acknowledge it to. */
  async #keep(taken: Taken, { link, consumer, taker, signal }: Attempt): Promise<boolean> {
    try {
      const durable = taker.durable()
      // Not left for a lost connection: the next one goes on behind what is on disk, which must be known by then.
      if (!(await settled(durable, signal, drainMs))) return false
      await durable
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new SourceFailure('retry', `a commit failed, RabbitMQ sends it again: ${why}`, error)
    }
    this.#cursor = taken.cursor ?? this.#cursor
    if (link.ended.aborted) return false
    consumer.acknowledge(taken.tag)
    this.#counters.acknowledged += taken.messages
    return true
  }

  #take({ consumer, intake, taker }: Attempt): Taken {
    const { batchBytes } = this.#parts.limits
    const taken: Taken = { tag: 0, messages: 0, bytes: 0, cursor: undefined, isFull: false }
    let last = this.#cursor
    while (taken.bytes < batchBytes && intake.room() === undefined) {
      const delivery = consumer.take()
      if (delivery === undefined) break
      if (consumer.isStream && this.#isBehind(last, delivery)) {
        // Only where it stands before anything new: RabbitMQ is told with what comes next.
      } else if (this.#takeOne(delivery, taker) === 'refused') {
        consumer.putBack()
        taken.isFull = true
        break
      } else if (consumer.isStream) last = taken.cursor = cursorAt(this.#stream, delivery)
      taken.tag = delivery.tag
      taken.messages++
      taken.bytes += delivery.body.length
    }
    if (taken.cursor !== undefined) intake.set(this.#cursorKey, encodeCursor(taken.cursor))
    return taken
  }

  #takeOne(delivery: Delivery, taker: MessageTaker): 'accepted' | 'deadLettered' | 'refused' | 'ignored' {
    const { body, routingKey, redelivered } = delivery
    if (redelivered) this.#counters.redelivered++
    const route = this.#route(routingKey)
    if (
      this.#options.unmatched === 'ignore' &&
      isUnmatched({ topic: routingKey, route }, this.#parts.limits)
    ) {
      this.#counters.ignored++
      return 'ignored'
    }
    const contentType = typeOf(delivery)
    const format = this.#parts.formats(this.#options.format ?? contentType)
    const offset = streamOffset(delivery)
    return taker.take({ payload: body, topic: routingKey, offset, route, format, contentType })
  }

  /** Through RabbitMQ's MQTT, `uns/site1/pump1/temp` has become the routing key `uns.site1.pump1.temp`. */
  #route(routingKey: string): Route | undefined {
    // What is no UTF-8 has come as U+FFFD.
    if (/[\0\ufffd]/.test(routingKey)) return undefined
    const { router } = this.#parts
    const bytes = Buffer.from(routingKey)
    const route = router.route(bytes, 0, bytes.length)
    if (route !== undefined || !routingKey.includes('.')) return route
    return router.route(Buffer.from(routingKey.replaceAll('.', '/')), 0, bytes.length)
  }

  /** That the message of a stream was taken before. @throws SourceFailure if the stream is not the one that was read before. */
  #isBehind(last: StreamCursor | undefined, delivery: Delivery): boolean {
    if (last === undefined) return false
    const offset = offsetOf(delivery)
    if (this.#isResuming) {
      this.#isResuming = false
      const missed = offset - last.offset - 1
      if (missed > 0)
        this.#parts.logger.warn(
          { queue: last.queue, from: last.offset + 1, to: offset - 1 },
          `${missed} messages were gone from the stream before they were read: its retention is too short`,
        )
      if (offset === last.offset && !isAt(last, delivery)) this.#beginAnew(last)
    }
    return offset <= last.offset
  }

  /** Waits for something to take. A stream that stays silent may be another one, shorter than the one before. */
  async #some({ link, consumer, stop }: Attempt): Promise<void> {
    while (this.#isResuming && this.#cursor !== undefined && !stop.aborted) {
      const quiet = new AbortController()
      const late = setTimeout(() => quiet.abort(), silenceMs)
      await consumer.some(AbortSignal.any([stop, quiet.signal]))
      clearTimeout(late)
      if (!quiet.signal.aborted || consumer.unacknowledged > 0) return
      const last = await lastMessage(link, this.#options.queue, stop)
      if (last !== undefined && offsetOf(last) < this.#cursor.offset) this.#beginAnew(this.#cursor)
    }
    await consumer.some(stop)
  }

  #beginAnew(cursor: StreamCursor): never {
    this.#cursor = undefined
    this.#from = 'first'
    throw replaced(cursor)
  }

  /** Holds the message that cannot be kept, and those behind it. Given back, RabbitMQ would send it again at once, and drop it after some times. */
  async #waitForLetters(consumer: Consumer, stop: AbortSignal): Promise<void> {
    const why = 'the dead letters are full: discard or replay some, or raise deadLetters.maxBytes'
    this.#parts.logger.warn({ unacknowledged: consumer.unacknowledged }, `nothing is taken, since ${why}`)
    await wait(fullEveryMs, stop)
  }

  async #watchLag(link: AmqpLink, stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        this.#counters.lag = await waitingIn(link, this.#options.queue)
      } catch {
        this.#counters.lag = undefined // What is wrong, the consumer hears too.
      }
      await wait(lagEveryMs, stop)
    }
  }

  #keptCursor(): StreamCursor | undefined {
    const kept = this.#parts.state.get(this.#cursorKey)
    try {
      return kept && decodeCursor(kept, this.#stream)
    } catch {
      const { logger } = this.#parts
      logger.error({ key: this.#cursorKey }, 'what was kept is no cursor: a stream is begun as if never read')
      return undefined
    }
  }

  get #cursorKey(): string {
    return `cursor/amqp/${this.name}`
  }
}

/** False once `graceMs` have passed since the signal and the promise is not settled. Throws nothing: who needs the outcome awaits it. */
async function settled(promise: Promise<unknown>, stop: AbortSignal, graceMs: number): Promise<boolean> {
  const { promise: given, resolve } = Promise.withResolvers<boolean>()
  let late: NodeJS.Timeout | undefined
  const stopped = (): void => {
    late = setTimeout(resolve, graceMs, false)
  }
  promise.then(
    () => resolve(true),
    () => resolve(true),
  )
  stop.addEventListener('abort', stopped, { once: true })
  if (stop.aborted) stopped()
  const isSettled = await given
  clearTimeout(late)
  stop.removeEventListener('abort', stopped)
  return isSettled
}

/** As one word; nobody reads what is encoded otherwise. */
function typeOf({ contentType, contentEncoding = '' }: Delivery): string | undefined {
  if (/^(?:|identity|utf-?8)$/i.test(contentEncoding)) return contentType
  return `${contentType ?? 'bytes'} in ${contentEncoding}`
}
