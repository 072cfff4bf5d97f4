import { z } from 'zod'
import type { Entry } from './outgoing.ts'
import type { Session } from './session.ts'

/** Keys of the keyed state. */
export const keys = {
  session: (session: number) => `${prefixes.session}${session}`,
  sent: (session: number) => `${prefixes.sent}${session}`,
  inFlight: (session: number, block: number) => `${prefixes.inFlight}${session}/${block}`,
  incoming: (session: number, block: number) => `${prefixes.incoming}${session}/${block}`,
  retained: (topic: string) => `${prefixes.retained}${topic}`,
}

export const prefixes = {
  session: 'mqtt/session/',
  sent: 'mqtt/sent/',
  inFlight: 'mqtt/out/',
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

/** How far a session's queue has been sent: the highest message id as f64. */
export function encodeSentId(sentId: number): Uint8Array {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(sentId)
  return bytes
}

/** 0 where there is no such record. */
export function decodeSentId(record: Uint8Array | undefined): number {
  return record?.length === 8 ? Buffer.from(record).readDoubleLE() : 0
}

/** A block of what is in flight; for each: message id f64 · packet id u16 · released u16. Undefined where nothing is. */
export function encodeInFlight(entries: readonly Entry[]): Uint8Array | undefined {
  if (entries.length === 0) return undefined
  const bytes = Buffer.alloc(12 * entries.length)
  let at = 0
  for (const { message, packetId, state } of entries) {
    at = bytes.writeDoubleLE(message.id, at)
    at = bytes.writeUInt16LE(packetId, at)
    at = bytes.writeUInt16LE(state === 'released' ? 1 : 0, at)
  }
  return bytes
}

export interface InFlight {
  readonly messageId: number
  readonly packetId: number
  readonly isReleased: boolean
}

export function decodeInFlight(record: Uint8Array): InFlight[] {
  const bytes = Buffer.from(record)
  return Array.from({ length: Math.floor(bytes.length / 12) }, (_, i) => ({
    messageId: bytes.readDoubleLE(12 * i),
    packetId: bytes.readUInt16LE(12 * i + 8),
    isReleased: bytes.readUInt16LE(12 * i + 10) === 1,
  }))
}
