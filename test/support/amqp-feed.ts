import { setTimeout as delay } from 'node:timers/promises'
import type { KeyedState } from '../../src/core/keyed-state.ts'
import { defaultRecordLimits } from '../../src/core/limits.ts'
import type { FeedStatus } from '../../src/core/source.ts'
import { createFormats } from '../../src/formats/table.ts'
import { createRouter, defaultTopics } from '../../src/formats/topics.ts'
import { systemClock } from '../../src/lib/clock.ts'
import { AmqpSource } from '../../src/sources/amqp/amqp-source.ts'
import { AmqpLink } from '../../src/sources/amqp/link.ts'
import {
  type AmqpAddress,
  type AmqpOptions,
  amqpAddressSchema,
  amqpSchema,
} from '../../src/sources/amqp/options.ts'
import { AmqpPublisher, type Publication } from '../../src/sources/amqp/publisher.ts'
import { type Gate, openGate } from './gate.ts'
import type { OwnServer } from './own-server.ts'

export const never = new AbortController().signal

/** One attempt of a source at a RabbitMQ, into an intake with a log in memory. */
export interface AmqpFeed extends Gate {
  readonly source: AmqpSource
  /** What it logged, by level. */
  readonly lines: string[]
  /** Ends as the attempt does. */
  readonly ended: Promise<void>
  /** Resolves once the status is so. */
  until(isSo: (status: FeedStatus) => boolean, what: string): Promise<FeedStatus>
  stop(): Promise<void>
}

/** The same source again, or a new one on the log that `before` has left: as after a restart. */
export type FeedBefore = Pick<AmqpFeed, keyof Gate> & { readonly source?: AmqpSource }

export function addressOf(server: OwnServer, more: object = {}): AmqpAddress {
  return amqpAddressSchema.parse({ url: `amqp://127.0.0.1:${server.port('amqp')}`, ...more })
}

export async function feedFrom(
  options: Partial<AmqpOptions> & Pick<AmqpOptions, 'url'>,
  before?: FeedBefore,
  gateOptions: Parameters<typeof openGate>[0] = {},
): Promise<AmqpFeed> {
  const gate = before ?? (await openGate({ deadLetters: { maxBytes: 1e7 }, ...gateOptions }))
  const lines: string[] = []
  const line = (level: string) => (fields: object, message: string) =>
    lines.push(`${level}: ${message} ${JSON.stringify(fields)}`)
  const source =
    before?.source ??
    new AmqpSource(amqpSchema.parse(options), {
      name: 'factory',
      formats: createFormats(defaultRecordLimits).named,
      router: createRouter(defaultTopics, defaultRecordLimits),
      limits: defaultRecordLimits,
      clock: systemClock,
      logger: { debug: line('debug'), info: line('info'), warn: line('warn'), error: line('error') },
      state: await stateOf(gate),
      instance: 'a1',
    })
  const stopping = new AbortController()
  const ended = source.run(gate.intake, stopping.signal)
  ended.catch(() => undefined) // who looks at `ended` hears of it
  return {
    ...gate,
    source,
    lines,
    ended,
    until: (isSo, what) => statusOf(source, ended, isSo, what),
    async stop() {
      stopping.abort()
      await ended
    },
  }
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

async function statusOf(
  source: AmqpSource,
  ended: Promise<void>,
  isSo: (status: FeedStatus) => boolean,
  what: string,
): Promise<FeedStatus> {
  const deadline = performance.now() + 60_000
  let failure: unknown
  ended.catch((error: unknown) => (failure = error))
  for (;;) {
    const status = source.status()
    if (isSo(status)) return status
    if (failure !== undefined) throw new Error(`the attempt ended before ${what}`, { cause: failure })
    if (performance.now() > deadline) throw new Error(`not within 60 s: ${what}: ${JSON.stringify(status)}`)
    await delay(5)
  }
}
