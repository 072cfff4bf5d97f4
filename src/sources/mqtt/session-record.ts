import { z } from 'zod'
import type { Outgoing } from './outgoing.ts'
import type { Session } from './session.ts'

/** Keys of the keyed state. */
export const keys = {
  session: (session: number) => `${prefixes.session}${session}`,
  outgoing: (session: number) => `${prefixes.outgoing}${session}`,
  incoming: (session: number, block: number) => `${prefixes.incoming}${session}/${block}`,
  retained: (topic: string) => `${prefixes.retained}${topic}`,
}

export const prefixes = {
  session: 'mqtt/session/',
  outgoing: 'mqtt/out/',
  incoming: 'mqtt/in/',
  retained: 'mqtt/retained/',
} as const

const version = z.union([z.literal(4), z.literal(5)])
const qos = z.union([z.literal(0), z.literal(1), z.literal(2)])

/** What a session is, apart from the messages on their way: changed when its client comes, goes or subscribes. JSON, for people who look. */
const sessionRecord = z.object({
  clientId: z.string(),
  number: z.int().min(1),
  version,
  principal: z.object({
    kind: z.enum(['local', 'anonymous', 'user', 'device', 'program']),
    name: z.string(),
    roles: z.array(z.string()),
  }),
  expirySeconds: z.number(),
  awaySince: z.number().optional(),
  will: z.object({ packet: z.base64(), version, delaySeconds: z.number() }).optional(),
  subscriptions: z.array(
    z.tuple([
      z.string(),
      z.object({
        qos,
        noLocal: z.boolean(),
        retainAsPublished: z.boolean(),
        id: z.number(),
        share: z.string().optional(),
        filter: z.string(),
      }),
    ]),
  ),
})

export type SessionRecord = z.output<typeof sessionRecord>

/** `awaySince` is the session's as the wall clock has it. */
export function encodeSession(session: Session, awaySince = session.awaySince): Uint8Array {
  const { clientId, number, version, principal, expirySeconds, will, subscriptions } = session
  const record: z.input<typeof sessionRecord> = {
    clientId,
    number,
    version,
    principal: { ...principal, roles: [...principal.roles] },
    expirySeconds,
    awaySince,
    will: will && { ...will, packet: Buffer.from(will.packet).toString('base64') },
    subscriptions: [...subscriptions],
  }
  return Buffer.from(JSON.stringify(record))
}

export function decodeSession(bytes: Uint8Array): SessionRecord | undefined {
  try {
    return sessionRecord.parse(JSON.parse(Buffer.from(bytes).toString()))
  } catch {
    return undefined // of a newer program
  }
}

/**
 * How far a session's messages have come: highest id sent f64 · then, for each in flight and in order: message id f64 · packet id u16 ·
 * released u16.
 */
export function encodeOutgoing({ sentId, inFlight }: Outgoing): Uint8Array {
  const bytes = Buffer.alloc(8 + 12 * inFlight.size)
  let at = bytes.writeDoubleLE(sentId)
  for (const { message, packetId, state } of inFlight.values()) {
    at = bytes.writeDoubleLE(message.id, at)
    at = bytes.writeUInt16LE(packetId, at)
    at = bytes.writeUInt16LE(state === 'released' ? 1 : 0, at)
  }
  return bytes
}

export interface OutgoingRecord {
  readonly sentId: number
  /** By message id, in order. */
  readonly inFlight: ReadonlyMap<number, { readonly packetId: number; readonly isReleased: boolean }>
}

export function decodeOutgoing(record: Uint8Array | undefined): OutgoingRecord {
  const inFlight = new Map<number, { packetId: number; isReleased: boolean }>()
  if (record === undefined || record.length < 8) return { sentId: 0, inFlight }
  const bytes = Buffer.from(record)
  for (let at = 8; at + 12 <= bytes.length; at += 12) {
    inFlight.set(bytes.readDoubleLE(at), {
      packetId: bytes.readUInt16LE(at + 8),
      isReleased: bytes.readUInt16LE(at + 10) === 1,
    })
  }
  return { sentId: bytes.readDoubleLE(0), inFlight }
}
