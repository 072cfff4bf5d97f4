import type { AsyncMessage, Channel } from 'rabbitmq-client'
import { SourceFailure } from '../../core/source.ts'
import { type AmqpLink, type Delivery, deliveryOf, keepBodies } from './link.ts'
import { codeOf } from './reason.ts'

/** Where a stream is read from: RabbitMQ's words, or the offset of a message. */
export type StreamStart = 'first' | 'next' | 'last' | number

/** Of what is handed over and not acknowledged. */
export interface Bounds {
  readonly prefetch: number
  readonly maxUnacknowledgedBytes: number
}

const offsetHeader = 'x-stream-offset'

/**
 * What a queue or a stream hands over, in its order, until somebody takes it. RabbitMQ sends `prefetch` messages at most before it
 * waits, and nothing more is read from it while `maxBytes` of them are here.
 */
export class Consumer {
  readonly channel: Channel
  readonly isStream: boolean
  /** Handed over and not acknowledged. */
  unacknowledged = 0
  unacknowledgedBytes = 0
  readonly #link: AmqpLink
  readonly #queue: string
  readonly #prefetch: number
  readonly #maxBytes: number
  readonly #from: StreamStart
  #waiting: AsyncMessage[] = []
  #taken = 0
  /** Sizes of what is not acknowledged, by delivery tag in rising order. */
  readonly #sizes = new Map<number, number>()
  /** Of messages whose end is read or awaited, and which are not acknowledged. */
  #readBytes = 0
  #wake: (() => void) | undefined

  private constructor(
    link: AmqpLink,
    queue: string,
    channel: Channel,
    isStream: boolean,
    bounds: Bounds,
    from: StreamStart,
  ) {
    this.#link = link
    this.#queue = queue
    this.channel = channel
    this.isStream = isStream
    this.#prefetch = bounds.prefetch
    this.#maxBytes = bounds.maxUnacknowledgedBytes
    this.#from = from
  }

  /** Only RabbitMQ knows of what type the queue is: it refuses an offset for one that is no stream. @throws SourceFailure */
  static async open(link: AmqpLink, queue: string, bounds: Bounds, from: StreamStart): Promise<Consumer> {
    try {
      return await Consumer.#open(link, queue, true, bounds, from)
    } catch (error) {
      const { cause } = error instanceof Error ? error : {}
      const isNoStream =
        codeOf(cause) === 'PRECONDITION_FAILED' &&
        cause instanceof Error &&
        cause.message.includes(offsetHeader)
      if (!isNoStream) throw error
    }
    return await Consumer.#open(link, queue, false, bounds, from)
  }

  static async #open(
    link: AmqpLink,
    queue: string,
    isStream: boolean,
    bounds: Bounds,
    from: StreamStart,
  ): Promise<Consumer> {
    const channel = await link.channel()
    const consumer = new Consumer(link, queue, channel, isStream, bounds, from)
    keepBodies(channel, (bytes) => consumer.#begin(bytes))
    channel.on('basic.cancel', () =>
      link.fail(
        new SourceFailure('retry', `RabbitMQ hands nothing over any more: is the queue ${queue} gone?`),
      ),
    )
    await consumer.#consume()
    return consumer
  }

  /** Resolves when there is something to take, or the signal aborts. */
  async some(signal: AbortSignal): Promise<void> {
    if (this.#taken < this.#waiting.length || signal.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    signal.addEventListener('abort', this.#stir)
    await promise
    signal.removeEventListener('abort', this.#stir)
  }

  /** The next message, if one waits. */
  take(): Delivery | undefined {
    const message = this.#waiting[this.#taken]
    if (message === undefined) {
      this.#waiting = []
      this.#taken = 0
      return undefined
    }
    this.#taken++
    return deliveryOf(message)
  }

  /** What was taken last waits again. */
  putBack(): void {
    this.#taken--
  }

  /** Every message up to this one is safe. */
  acknowledge(tag: number): void {
    for (const [handed, bytes] of this.#sizes) {
      if (handed > tag) break
      this.#sizes.delete(handed)
      this.unacknowledged--
      this.unacknowledgedBytes -= bytes
      this.#readBytes -= bytes
    }
    this.channel.basicAck({ deliveryTag: tag, multiple: true })
    if (this.unacknowledgedBytes < this.#maxBytes) this.#link.resume()
  }

  async #consume(): Promise<void> {
    await this.#link.call(this.channel.basicQos({ prefetchCount: this.#prefetch }))
    await this.#link.call(
      this.channel.basicConsume(
        { queue: this.#queue, ...(this.isStream ? { arguments: { [offsetHeader]: this.#from } } : {}) },
        (message) => this.#add(message),
      ),
    )
  }

  /** A message is read to its end only where those before it leave room: they can be taken, and so make room again. */
  #begin(bytes: number): void {
    if (this.#readBytes >= this.#maxBytes) this.#link.pause()
    this.#readBytes += bytes
  }

  #add(message: AsyncMessage): void {
    if (this.#link.isClosing) return
    const bytes = Buffer.isBuffer(message.body) ? message.body.length : 0
    this.#waiting.push(message)
    this.#sizes.set(message.deliveryTag, bytes)
    this.unacknowledged++
    this.unacknowledgedBytes += bytes
    this.#stir()
  }

  readonly #stir = (): void => {
    this.#wake?.()
    this.#wake = undefined
  }
}

/** For people who read a dead letter; undefined where the message stands in no stream. */
export function streamOffset(message: Pick<Delivery, 'headers'>): string | undefined {
  const offset: unknown = message.headers?.[offsetHeader]
  return typeof offset === 'number' ? String(offset) : undefined
}

/** Of a message of a stream. */
export function offsetOf(message: Pick<Delivery, 'headers'> | AsyncMessage): number {
  const offset: unknown = message.headers?.[offsetHeader]
  if (typeof offset !== 'number') throw new TypeError('a message of a stream has no offset')
  return offset
}
