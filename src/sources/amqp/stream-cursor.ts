import { crc32 } from 'node:zlib'
import { z } from 'zod'
import { SourceFailure } from '../../core/source.ts'
import { wait } from '../../lib/wait.ts'
import { Consumer, offsetOf } from './consumer.ts'
import type { AmqpLink, Delivery } from './link.ts'

const cursorSchema = z.object({
  vhost: z.string(),
  queue: z.string(),
  offset: z.int().nonnegative(),
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
  const { body } = delivery
  return { vhost, queue, offset: offsetOf(delivery), crc: crc32(body), bytes: body.length }
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
  const { body } = delivery
  return offsetOf(delivery) === cursor.offset && body.length === cursor.bytes && crc32(body) === cursor.crc
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

/** The highest offset that the stream's last chunk holds; undefined while it has no message. */
export async function lastOffset(
  link: AmqpLink,
  queue: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const consumer = await Consumer.open(link, queue, probeBounds, 'last')
  let last: number | undefined
  for (let seen = -1; seen !== consumer.unacknowledged; ) {
    seen = consumer.unacknowledged
    await wait(probeMs, signal)
  }
  for (let delivery = consumer.take(); delivery !== undefined; delivery = consumer.take())
    last = offsetOf(delivery)
  await consumer.channel.close()
  return last
}
