import type { Principal } from '../../../core/authorizer.ts'
import type { SubscriptionOptions } from './filter-trie.ts'
import { Incoming } from './incoming.ts'
import type { Keeper } from './keeper.ts'
import type { Message } from './message.ts'
import { type Entry, Outgoing } from './outgoing.ts'
import type { PublishForm } from '../packets/publish-packet.ts'
import type { ProtocolVersion } from '../packets/reason.ts'
import type { RetainedReplay } from './retained-replay.ts'

/** The message that is published for a client that goes without a word. Its topic was checked and allowed at CONNECT. */
export interface Will {
  /** A whole PUBLISH packet of `version`. */
  readonly packet: Uint8Array
  readonly version: ProtocolVersion
  /** How long it waits for the client to come back. */
  readonly delaySeconds: number
}

/** What a will takes in memory. */
export function willBytes(will: Will | undefined): number {
  return will === undefined ? 0 : will.packet.length + 256
}

/** A filter of a session with its options; `share` names the group of a shared subscription. */
export interface Subscription extends SubscriptionOptions {
  readonly share: string | undefined
  /** The filter that topics are held against: without `$share/<group>/`. */
  readonly filter: string
}

/** The connection of a session's client, as the session sees it. */
export interface Receiver {
  /** The largest packet that the client takes. */
  readonly maxPacketBytes: number
  /** Most messages of QoS 1 and 2 that may be unfinished. */
  readonly window: number
  /** So much waits to be sent already that the rest is better kept in the queue. */
  readonly isFull: boolean
  /** A message of QoS 0 and so many bytes would not be lost to it. */
  hasRoomFor(bytes: number): boolean
  /** Writes a message; false if it can never be sent to this client, for its size. */
  give(message: Message, form: Omit<PublishForm, 'version' | 'alias' | 'hasTopic' | 'expirySeconds'>): boolean
  /** Tells that the id of a QoS 2 message is free. */
  sendRelease(packetId: number): void
}

/**
 * What a client and Sluice know of each other: subscriptions, messages on their way, ids of QoS 2 messages that came. It ends with its connection
 * or, where the client asked for it, lives on for `expirySeconds`; then everything that an acknowledgement depends on is kept.
 */
export class Session {
  readonly clientId: string
  /** Never used again: messages on disk name the sessions that they are for by it. */
  readonly number: number
  version: ProtocolVersion
  principal: Principal
  /** How long it lives without a connection; 0: it ends with it. */
  expirySeconds = 0
  /** µs since 1970 from which on the client is away; undefined while it is there. */
  awaySince: number | undefined
  receiver: Receiver | undefined
  isEnded = false
  /** Retained messages that it is still to be given. */
  replay: RetainedReplay | undefined
  /** Something of it has been written, which must go when it ends. */
  isRecorded = false
  /** By filter as the client wrote it. */
  readonly subscriptions = new Map<string, Subscription>()
  /** Packet ids of QoS 2 messages that were taken and whose sender has not released them yet. */
  readonly incoming = new Incoming()
  readonly outgoing = new Outgoing()
  #will: Will | undefined
  readonly #keeper: Keeper
  /** µs, by the keeper's clock: when its client answered last, or was sent the first that it has not answered. */
  #answeredAt = 0
  /** Batches of messages that leave to this receiver once their commit is on disk. */
  #held = 0

  constructor(
    clientId: string,
    number: number,
    version: ProtocolVersion,
    principal: Principal,
    keeper: Keeper,
  ) {
    this.clientId = clientId
    this.number = number
    this.version = version
    this.principal = principal
    this.#keeper = keeper
  }

  get will(): Will | undefined {
    return this.#will
  }

  set will(will: Will | undefined) {
    this.#keeper.willBytes += willBytes(will) - willBytes(this.#will)
    this.#will = will
  }

  /** What is promised to it is on disk. */
  get isKept(): boolean {
    return this.expirySeconds > 0
  }

  /** For how long its client has answered none of the messages that it was sent; 0 where there are none. */
  get unansweredMs(): number {
    return this.outgoing.active === 0 ? 0 : (this.#keeper.now() - this.#answeredAt) / 1000
  }

  /** Takes a message whose commit is on disk, or which needs none. */
  add(entry: Entry): void {
    if (this.isEnded) {
      this.#keeper.release(this, entry.message)
      return
    }
    this.outgoing.add(entry)
    this.pump()
  }

  connected(receiver: Receiver): void {
    this.receiver = receiver
    this.awaySince = undefined
    this.#held = 0
    this.outgoing.connected()
  }

  /** Sends what the client's window and its connection have room for. */
  pump(): void {
    const { receiver, outgoing } = this
    if (receiver === undefined) return
    if (outgoing.active === 0) this.#answeredAt = this.#keeper.now()
    let held: Entry[] | undefined
    while (!receiver.isFull && outgoing.active < receiver.window) {
      const entry = outgoing.next(this.#isPassedOver)
      if (entry === undefined) break
      const isFirst = this.isKept && entry.state === 'queued'
      if (isFirst) this.#keeper.inFlight(this, entry.packetId)
      // The client takes a second packet of QoS 2 with this id for the same message: so the id must not be forgotten. What comes
      // behind such a message stays behind it. A PUBREL makes its client forget the id: so that it has the message must not be forgotten
      // either, and the commit that says so may have failed with the connection before.
      const isRelease = this.isKept && entry.state === 'released'
      if ((isFirst && entry.qos === 2) || isRelease || held !== undefined || this.#held > 0) {
        held ??= []
        held.push(entry)
      } else this.#give(entry, receiver)
    }
    if (held === undefined) {
      this.replay?.continue()
      return
    }
    const all = held
    this.#held++
    this.#keeper.afterCommit(() => {
      if (this.receiver !== receiver) return
      this.#held--
      for (const entry of all) this.#give(entry, receiver)
      this.pump()
    })
  }

  /** PUBACK. */
  acknowledged(packetId: number): void {
    const entry = this.outgoing.inFlight.get(packetId)
    if (entry?.qos !== 1) return
    this.#answeredAt = this.#keeper.now()
    this.#finish(entry)
    this.pump()
  }

  /** PUBREC: true if the client is to be told PUBREL once that is on disk. */
  received(packetId: number): boolean {
    const entry = this.outgoing.inFlight.get(packetId)
    if (entry?.qos !== 2) return false
    this.#answeredAt = this.#keeper.now()
    entry.state = 'released'
    if (this.isKept) this.#keeper.inFlight(this, packetId)
    return true
  }

  /** PUBCOMP, or a PUBREC that says no. */
  completed(packetId: number): void {
    const entry = this.outgoing.inFlight.get(packetId)
    if (entry?.qos !== 2) return
    this.#answeredAt = this.#keeper.now()
    this.#finish(entry)
    this.pump()
  }

  #finish(entry: Entry): void {
    this.outgoing.finish(entry.packetId)
    if (this.isKept) this.#keeper.inFlight(this, entry.packetId)
    this.#keeper.release(this, entry.message)
  }

  #give(entry: Entry, receiver: Receiver): void {
    const { message, qos, retain, ids, packetId } = entry
    if (entry.state === 'released') {
      receiver.sendRelease(packetId)
      return
    }
    const isRepeat = entry.state === 'sent'
    entry.state = 'sent'
    // What its client can never take counts as delivered (MQTT-3.1.2-25).
    if (!receiver.give(message, { qos, retain, ids, packetId, isRepeat })) this.#finish(entry)
  }

  readonly #isPassedOver = (entry: Entry): boolean => {
    if (entry.message.remainingSeconds(this.#keeper.now()) !== 0) return false
    if (this.isKept) this.#keeper.sent(this)
    this.#keeper.release(this, entry.message)
    return true
  }
}
