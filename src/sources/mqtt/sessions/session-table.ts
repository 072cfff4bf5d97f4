import type { KeptState, KeyedState } from '../../../core/keyed-state.ts'
import type { Principal } from '../../../core/authorizer.ts'
import type { Keeper } from './keeper.ts'
import { decodeMessage } from './message-record.ts'
import type { ProtocolVersion } from '../packets/reason.ts'
import { Session } from './session.ts'
import {
  decodeInFlight,
  decodeSentId,
  decodeSession,
  type InFlight,
  keys,
  prefixes,
} from './session-record.ts'
import type { Subscriptions } from './subscriptions.ts'

export interface OpenRequest {
  readonly clientId: string
  readonly isClean: boolean
  readonly expirySeconds: number
  readonly version: ProtocolVersion
  readonly principal: Principal
}

/** The sessions of all clients, there or away. */
export class SessionTable {
  readonly #byClient = new Map<string, Session>()
  readonly #subscriptions: Subscriptions
  readonly #keeper: Keeper
  #lastNumber = 0

  constructor(subscriptions: Subscriptions, keeper: Keeper) {
    this.#subscriptions = subscriptions
    this.#keeper = keeper
  }

  get size(): number {
    return this.#byClient.size
  }

  get(clientId: string): Session | undefined {
    return this.#byClient.get(clientId)
  }

  values(): Iterable<Session> {
    return this.#byClient.values()
  }

  /** The session that a CONNECT asks for: the one that is there, unless the client wants a clean one. */
  open(request: OpenRequest): { readonly session: Session; readonly isPresent: boolean } {
    const { clientId, isClean, expirySeconds, version, principal } = request
    const before = this.#byClient.get(clientId)
    if (before !== undefined && isClean) this.end(before)
    const found = isClean ? undefined : before
    const session = found ?? new Session(clientId, ++this.#lastNumber, version, principal, this.#keeper)
    const wasKept = session.isKept
    session.version = version
    session.principal = principal
    session.expirySeconds = expirySeconds
    session.awaySince = undefined
    this.#byClient.set(clientId, session)
    if (session.isKept) this.#keeper.session(session)
    else if (wasKept) this.#keeper.ended(session)
    return { session, isPresent: found !== undefined }
  }

  /** Its client has gone: it ends, or waits for the client from now on. */
  leave(session: Session): void {
    session.receiver = undefined
    if (session.isEnded) return
    if (!session.isKept) {
      this.end(session)
      return
    }
    session.awaySince = this.#keeper.now()
    this.#keeper.session(session)
  }

  /** Nothing of it is left. */
  end(session: Session): void {
    if (session.isEnded) return
    session.isEnded = true
    if (this.#byClient.get(session.clientId) === session) this.#byClient.delete(session.clientId)
    this.#subscriptions.removeAll(session)
    for (const { message } of session.outgoing.takeAll()) this.#keeper.release(session, message)
    this.#keeper.ended(session)
  }

  /** Its client stayed away for too long. */
  isOver({ awaySince, expirySeconds }: Session): boolean {
    return awaySince !== undefined && awaySince + expirySeconds * 1e6 <= this.#keeper.now()
  }

  /** Puts back what was there when the program ended. Clients that were there then are away from now on. */
  restore({ state, messages }: KeptState): void {
    const byNumber = new Map<number, Session>()
    for (const [, value] of state.entries(prefixes.session)) {
      const record = decodeSession(value)
      if (record === undefined) continue
      const { clientId, number, version, principal, expirySeconds, awaySince, will, subscriptions } = record
      const session = new Session(clientId, number, version, principal, this.#keeper)
      session.expirySeconds = expirySeconds
      // Of a clock that was ahead, perhaps: nobody is away since tomorrow.
      session.awaySince = Math.min(awaySince ?? Number.POSITIVE_INFINITY, this.#keeper.now())
      session.isRecorded = true
      session.will = will && { ...will, packet: Buffer.from(will.packet, 'base64') }
      this.#lastNumber = Math.max(this.#lastNumber, number)
      this.#byClient.set(clientId, session)
      byNumber.set(number, session)
      for (const [filter, subscription] of subscriptions)
        this.#subscriptions.add(session, filter, { ...subscription, share: subscription.share })
    }
    for (const [key, record] of state.entries(prefixes.incoming)) {
      const [number, block] = key.slice(prefixes.incoming.length).split('/').map(Number)
      byNumber.get(number ?? 0)?.incoming.restore(block ?? 0, record)
    }
    this.#restoreMessages(byNumber, state, messages)
  }

  #restoreMessages(sessions: ReadonlyMap<number, Session>, state: KeyedState, messages: KeyedState): void {
    const inFlight = new Map(Array.from(sessions.keys(), (number) => [number, new Map<number, InFlight>()]))
    for (const [key, record] of state.entries(prefixes.inFlight)) {
      const [number = 0, block = 0] = key.slice(prefixes.inFlight.length).split('/').map(Number)
      sessions.get(number)?.outgoing.written.add(block)
      for (const place of decodeInFlight(record)) inFlight.get(number)?.set(place.messageId, place)
    }
    for (const [number, { outgoing }] of sessions) {
      outgoing.sentId = decodeSentId(state.get(keys.sent(number)))
      // Ids go up for ever: one that a session has passed would be passed over, were it given again.
      this.#keeper.knows(outgoing.sentId)
    }
    const records = Array.from(messages.entries(''), ([key, record]) => [Number(key), record] as const)
    records.sort(([a], [b]) => a - b) // the order in which they came
    for (const [id, record] of records) {
      this.#keeper.knows(id)
      const found = decodeMessage(record)
      if (found === undefined) continue
      const { message, targets } = found
      message.id = id
      // A message that nobody needs goes when it is released; until then it is held here.
      message.holders++
      for (const { session: number, qos, retain, ids } of targets) {
        // Also one that has ended: the next client must not get what was for it.
        this.#lastNumber = Math.max(this.#lastNumber, number)
        const session = sessions.get(number)
        if (session === undefined) continue
        const sent = inFlight.get(number)?.get(id)
        if (sent === undefined && id <= session.outgoing.sentId) continue
        message.holders++
        session.outgoing.bytes += message.bytes
        const entry = { message, qos, retain, ids }
        if (sent === undefined) session.outgoing.add({ ...entry, packetId: 0, state: 'queued' })
        else {
          const { packetId, isReleased } = sent
          session.outgoing.restore({ ...entry, packetId, state: isReleased ? 'released' : 'sent' })
        }
      }
      this.#keeper.restored(message)
    }
  }
}
