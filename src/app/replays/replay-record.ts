import { z } from 'zod'
import type { SinkBooks } from '../../core/sink.ts'

/** Keyed state of a replay: `replays/<name>`. */
export const replayKeys = 'replays/'

const count = z.int().nonnegative()
const number = z.codec(z.string().regex(/^\d{1,18}$/), z.bigint(), {
  decode: (text) => BigInt(text),
  encode: (value) => String(value),
})
const books = z.strictObject({
  handed: count,
  stored: count,
  repeated: count,
  overwritten: count,
  filtered: count,
  deadLettered: count,
  expired: count,
  damaged: count,
} satisfies Record<keyof SinkBooks, z.ZodType>)

/** A replay as the log keeps it: what it is to do, and once it has ended, what came of it. */
const record = z.object({
  version: z.literal(1),
  sink: z.string(),
  /** The name of its position and books in the sink: that of the replay, and what tells it from others that have had the name. */
  lane: z.string(),
  /** The store that is copied from; undefined where the rows come from the log. */
  fromStore: z.string().optional(),
  parts: z.array(
    z.object({
      kind: z.enum(['log', 'edits', 'readings', 'documents']),
      log: z.string(),
      partition: count,
      stream: z.string(),
      from: number,
      until: number,
    }),
  ),
  rate: z.number().optional(),
  started: z.number(),
  principal: z.string(),
  end: z
    .object({
      state: z.enum(['done', 'cancelled', 'failed']),
      error: z.string().optional(),
      at: z.number(),
      /** In the order of `parts`. */
      parts: z.array(z.object({ position: number, books })),
    })
    .optional(),
})

export type ReplayRecord = z.output<typeof record>

export function encodeReplay(replay: ReplayRecord): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(z.encode(record, replay)))
}

/** Undefined for what a newer Sluice has written. */
export function decodeReplay(bytes: Uint8Array): ReplayRecord | undefined {
  return record.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data
}
