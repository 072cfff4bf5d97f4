import { randomUUID } from 'node:crypto'
import type { Channel } from 'rabbitmq-client'
import { SourceFailure } from '../../core/source.ts'
import { AmqpLink } from './link.ts'
import type { AmqpAddress } from './options.ts'

export interface Publication {
  readonly exchange: string
  readonly routingKey: string
  readonly body: Uint8Array
  readonly contentType?: string | undefined
}

/**
 * Publishes to an exchange of RabbitMQ. Messages are persistent. It makes no second attempt: after a failure somebody else decides, for a
 * message whose confirm was lost with the connection may have arrived.
 */
export class AmqpPublisher {
  readonly #link: AmqpLink
  readonly #channel: Channel
  /** Messages that no queue took, until their confirm comes. */
  readonly #returned = new Set<string>()

  private constructor(link: AmqpLink, channel: Channel) {
    this.#link = link
    this.#channel = channel
    channel.on('basic.return', ({ messageId }) => this.#returned.add(messageId ?? ''))
  }

  /** @throws SourceFailure */
  static async open(address: AmqpAddress, name: string, signal: AbortSignal): Promise<AmqpPublisher> {
    const link = await AmqpLink.open(address, name, signal)
    const channel = await link.channel()
    await link.call(channel.confirmSelect())
    return new AmqpPublisher(link, channel)
  }

  /** Aborts when the connection is lost. */
  get ended(): AbortSignal {
    return this.#link.ended
  }

  /**
   * Resolves when RabbitMQ has confirmed that a queue holds it. While RabbitMQ is short of memory or disk it reads nothing and this waits;
   * many may wait at once.
   * @throws SourceFailure `stop` where no queue is bound for the routing key or there is no such exchange, `retry` where no confirm came.
   */
  async publish({ exchange, routingKey, body, contentType }: Publication): Promise<void> {
    const messageId = randomUUID()
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    const envelope = { exchange, routingKey, messageId, durable: true, mandatory: true }
    await this.#link.call(
      this.#channel.basicPublish(
        { ...envelope, ...(contentType === undefined ? {} : { contentType }) },
        bytes,
      ),
    )
    // RabbitMQ returns a message before it confirms it; the client tells of it one turn later.
    await new Promise<void>((resolve) => setImmediate(resolve))
    if (!this.#returned.delete(messageId)) return
    throw new SourceFailure(
      'stop',
      `no queue of the exchange ${exchange} takes the routing key ${routingKey}`,
    )
  }

  close(): Promise<void> {
    return this.#link.close(this.#channel)
  }
}
