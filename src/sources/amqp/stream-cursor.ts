import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { SourceFailure } from '../../core/source.ts'
import { wait } from '../../lib/wait.ts'
import { Consumer, offsetOf } from './consumer.ts'
import type { AmqpLink, Delivery } from './link.ts'

const cursorSchema = z.object({
  vhost: z.string(),
  queue: z.string(),
  /** -1: the stream was empty when it was begun. */
  offset: z.int().min(-1),
  crc: z.int().nonnegative(),
  bytes: z.int().nonnegative(),
})

/**
 * The last message taken from a stream. Its checksum tells a stream from another one of the same name that was made in its place: there
 * the offsets begin at 0 again, and RabbitMQ would pass over every message below the offset asked for, without a word.
 */
export type StreamCursor = z.output<typeof cursorSchema>

export type StreamName = Pick<StreamCursor, 'vhost' | 'queue'>

const decoder = new TextDecoder()

export function cursorAt({ vhost, queue }: StreamName, delivery: Delivery): StreamCursor {
  return { vhost, queue, offset: offsetOf(delivery), crc: checksum(delivery), bytes: delivery.body.length }
}

export function encodeCursor(cursor: StreamCursor): Uint8Array {
  return Buffer.from(JSON.stringify(cursor))
}

/** The cursor that was kept, if it is one of this stream. @throws if it is none at all. */
export function decodeCursor(bytes: Uint8Array, stream: StreamName): StreamCursor | undefined {
  const cursor = cursorSchema.parse(JSON.parse(decoder.decode(bytes)))
  return cursor.vhost === stream.vhost && cursor.queue === stream.queue ? cursor : undefined
}

/** That the delivery is the very message of the cursor. */
export function isAt(cursor: StreamCursor, delivery: Delivery): boolean {
  const { offset, bytes, crc } = cursor
  return offsetOf(delivery) === offset && delivery.body.length === bytes && checksum(delivery) === crc
}

/** Of all that tells a message from one with the same body. */
function checksum({ body, routingKey, timestamp, messageId }: Delivery): number {
  return crc32(JSON.stringify([routingKey, timestamp ?? null, messageId ?? null]), crc32(body))
}

/** A stream has another past than the cursor says. */
export function replaced({ queue, offset }: StreamCursor): SourceFailure {
  return new SourceFailure(
    'retry',
    `the stream ${queue} is another one than that whose message ${offset} was read last: it is read from its first message`,
  )
}

/** Enough to hold any chunk of small messages, in which a stream is read. */
const probeBounds = { prefetch: 65_535, maxUnacknowledgedBytes: Number.POSITIVE_INFINITY }
const probeMs = 1_000
/** A stream that holds the message asked for hands it over at once; one that does not says nothing. */
export const silenceMs = 5_000

/** Where a stream stands whose next message is to be the first that is taken. */
export async function cursorAtEnd(
  link: AmqpLink,
  stream: StreamName,
  signal: AbortSignal,
): Promise<StreamCursor> {
  const last = await lastMessage(link, stream.queue, signal)
  const { vhost, queue } = stream
  return last === undefined ? { vhost, queue, offset: -1, crc: 0, bytes: 0 } : cursorAt(stream, last)
}

/** The last message of the stream's last chunk; undefined while it has none, or hands none over in time. */
export async function lastMessage(
  link: AmqpLink,
  queue: string,
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  const consumer = await Consumer.open(link, queue, probeBounds, 'last')
  let last: Delivery | undefined
  await consumer.some(AbortSignal.any([signal, AbortSignal.timeout(silenceMs)]))
  for (let seen = -1; seen !== consumer.unacknowledged; ) {
    seen = consumer.unacknowledged
    await wait(probeMs, signal)
  }
  for (let delivery = consumer.take(); delivery !== undefined; delivery = consumer.take()) last = delivery
  await consumer.channel.close()
  return last
}
