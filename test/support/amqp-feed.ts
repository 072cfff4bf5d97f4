import type { KeyedState } from '../../src/core/keyed-state.ts'
import { AmqpSource } from '../../src/sources/amqp/amqp-source.ts'
import { AmqpLink } from '../../src/sources/amqp/link.ts'
import {
  type AmqpAddress,
  type AmqpOptions,
  amqpAddressSchema,
  amqpSchema,
} from '../../src/sources/amqp/options.ts'
import { AmqpPublisher, type Publication } from '../../src/sources/amqp/publisher.ts'
import type { Gate } from './gate.ts'
import type { OwnServer } from './own-server.ts'
import { openFeedGate, runOnce, type SourceFeed, sourceParts } from './source-feed.ts'

export const never = new AbortController().signal

export type AmqpFeed = SourceFeed<AmqpSource>

/** The same source again, or a new one on the log that `before` has left: as after a restart. */
export type FeedBefore = Pick<AmqpFeed, keyof Gate> & { readonly source?: AmqpSource }

export function addressOf(server: OwnServer, more: object = {}): AmqpAddress {
  return amqpAddressSchema.parse({ url: `amqp://127.0.0.1:${server.port('amqp')}`, ...more })
}

export async function feedFrom(
  options: Partial<AmqpOptions> & Pick<AmqpOptions, 'url'>,
  before?: FeedBefore,
  gateOptions: Parameters<typeof openFeedGate>[0] = {},
): Promise<AmqpFeed> {
  const gate = before ?? (await openFeedGate(gateOptions))
  const lines: string[] = []
  const source =
    before?.source ??
    new AmqpSource(amqpSchema.parse(options), sourceParts('factory', lines, { state: await stateOf(gate) }))
  return runOnce(source, gate, lines)
}

/** Opens a link, hands it over and closes it. */
export async function atLink<T>(address: AmqpAddress, use: (link: AmqpLink) => Promise<T>): Promise<T> {
  const link = await AmqpLink.open(address, 'test', never)
  try {
    return await use(link)
  } finally {
    await link.close()
  }
}

/** Publishes them; each is confirmed by the time this resolves. */
export async function publishAll(address: AmqpAddress, publications: Iterable<Publication>): Promise<void> {
  const publisher = await AmqpPublisher.open(address, 'test publisher', never)
  try {
    await Promise.all([...publications].map((publication) => publisher.publish(publication)))
  } finally {
    await publisher.close()
  }
}

/** One reading of a sensor; each value has a time of its own, a second apart. */
export function measurement(serial: string, value: number, more: object = {}): Publication {
  const Timestamp = new Date(Date.UTC(2020, 0, 1) + value * 1000).toISOString()
  const body = Buffer.from(JSON.stringify([{ SerialNumber: serial, Timestamp, Value: value, ...more }]))
  return {
    exchange: 'iot',
    routingKey: `sensor.${serial}.measurements`,
    body,
    contentType: 'application/json',
  }
}

export interface QueueOptions {
  readonly url: string
  readonly queue: string
  readonly declare: false
}

/** A queue of the type, bound to what the sensor sends; the source makes none of it. */
export async function queueFor(
  server: OwnServer,
  serial: string,
  type: 'classic' | 'quorum' | 'stream',
  routingKey = `sensor.${serial}.#`,
): Promise<QueueOptions> {
  const queue = `test.${type}.${serial}`
  const address = addressOf(server)
  await atLink(address, async (link) => {
    const channel = await link.channel()
    await channel.exchangeDeclare({ exchange: 'iot', type: 'topic', durable: true })
    await channel.queueDeclare({ queue, durable: true, arguments: { 'x-queue-type': type } })
    await channel.queueBind({ queue, exchange: 'iot', routingKey })
    await channel.close()
  })
  return { url: address.url, queue, declare: false }
}

export async function valuesOf(feed: Pick<AmqpFeed, 'rows'>): Promise<unknown[]> {
  return (await feed.rows()).map(({ value }) => value)
}

interface Letter {
  readonly code: string
  readonly topic: string
  readonly reason: string
  readonly bytes: string
}

export async function lettersOf(feed: Pick<AmqpFeed, 'documents'>): Promise<Letter[]> {
  const documents = await feed.documents('dead-letters')
  // as: a letter as the intake writes it.
  return documents.map(({ body }) => JSON.parse(body) as Letter)
}

/** What a start would find: the last value of each key on disk. */
async function stateOf(gate: Gate): Promise<KeyedState> {
  const state = new Map<string, Uint8Array>()
  for (const { key, body } of await gate.documents('state')) {
    if (body === '') state.delete(key)
    else state.set(key, Buffer.from(body))
  }
  return { get: (key) => state.get(key), entries: () => state }
}
