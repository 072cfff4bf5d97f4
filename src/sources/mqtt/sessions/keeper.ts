import type { Intake } from '../../../core/intake.ts'
import { messagesStream } from '../../../core/keyed-state.ts'
import { blockOf } from './id-block.ts'
import type { Message } from './message.ts'
import { encodeMessage, type Target } from './message-record.ts'
import type { Session } from './session.ts'
import { encodeInFlight, encodeSentId, encodeSession, keys } from './session-record.ts'

export interface KeeperLimits {
  /** Bytes of messages that one session may have waiting. */
  readonly maxQueuedBytes: number
  /** Bytes of messages that wait for all sessions; a message counts once, each place in a queue with 128 bytes. */
  readonly maxQueuedTotalBytes: number
}

/** What a place in a queue takes beside the message, which all who wait for it share. */
const placeBytes = 128

/** The record of a topic's retained message as it is by then; undefined: it has none any more. */
export type RetainedRecord = (topic: string) => Uint8Array | undefined

/** A session may always have this much waiting, however much waits for all. */
const ownShare = 16 * 1024

/** What has changed since the last commit. */
interface Changes {
  readonly sessions: Set<Session>
  readonly ended: Set<Session>
  /** How far their queues have been sent, and blocks of what is in flight. */
  readonly outgoing: Map<Session, Set<number>>
  readonly incoming: Set<Session>
  /** By topic, what tells its record when it is written. */
  readonly retained: Map<string, RetainedRecord>
  /** Ids of messages that no session needs any more. */
  readonly done: Set<number>
}

/**
 * Writes what sessions, retained messages and queues must not forget into the commit that is open: each thing that changed once a commit,
 * however often it did. What nobody waits for, such as an acknowledgement of a subscriber, goes with the next commit there is.
 */
export class Keeper {
  readonly #intake: Intake
  readonly #limits: KeeperLimits
  /** µs since 1970, by a clock that does not jump: what sessions and messages live by. */
  readonly now: () => number
  #changes = noChanges()
  #isScheduled = false
  #waiting: (() => void)[] = []
  #lastMessageId = 0
  /** Bytes of all messages that some session has not finished with, and how many they are. */
  queuedBytes = 0
  queuedMessages = 0
  /** Of the wills of all sessions. */
  willBytes = 0

  constructor(intake: Intake, limits: KeeperLimits, now: () => number = () => intake.now) {
    this.#intake = intake
    this.#limits = limits
    this.now = now
  }

  /** A time of `now` as the wall clock has it: records have that, for only the wall clock goes on while the program does not run. */
  wallTime(micros: number): number {
    return micros + this.#intake.now - this.now()
  }

  /** Something waits to be written. */
  get isDirty(): boolean {
    const { sessions, ended, outgoing, incoming, retained, done } = this.#changes
    return (
      sessions.size + ended.size + outgoing.size + incoming.size + retained.size + done.size > 0 ||
      this.#waiting.length > 0
    )
  }

  session(session: Session): void {
    session.isRecorded = true
    this.#changes.sessions.add(session)
  }

  ended(session: Session): void {
    if (!session.isRecorded) return
    session.isRecorded = false
    const { sessions, outgoing, incoming, ended } = this.#changes
    for (const changed of [sessions, outgoing, incoming]) changed.delete(session)
    ended.add(session)
  }

  /** Its queue has been sent further. */
  sent(session: Session): Set<number> {
    const { outgoing } = this.#changes
    let blocks = outgoing.get(session)
    if (blocks === undefined) outgoing.set(session, (blocks = new Set()))
    return blocks
  }

  /** A message is in flight to it with this id, or is no more, or was released. */
  inFlight(session: Session, packetId: number): void {
    this.sent(session).add(blockOf(packetId))
  }

  incoming(session: Session): void {
    this.#changes.incoming.add(session)
  }

  retained(topic: string, record: RetainedRecord): void {
    this.#changes.retained.set(topic, record)
  }

  /** Counts a message for a session; false if there is no room for it. */
  hold(session: Session, message: Message): boolean {
    const { bytes } = message
    const { maxQueuedBytes, maxQueuedTotalBytes } = this.#limits
    const own = session.outgoing.bytes + bytes
    const more = message.holders === 0 ? bytes + placeBytes : placeBytes
    // Who reads has little waiting, and is not to lose it to those who do not.
    const isFull = own > ownShare && this.queuedBytes + more > maxQueuedTotalBytes
    if (isFull || own > Math.max(maxQueuedBytes, bytes)) return false
    session.outgoing.bytes += bytes
    this.queuedBytes += placeBytes
    if (message.holders++ === 0) {
      this.queuedBytes += bytes
      this.queuedMessages++
    }
    return true
  }

  /** The session has finished with the message. */
  release(session: Session, message: Message): void {
    const { bytes } = message
    session.outgoing.bytes -= bytes
    this.queuedBytes -= placeBytes
    if (--message.holders > 0) return
    this.queuedBytes -= bytes
    this.queuedMessages--
    if (message.id > 0) this.#changes.done.add(message.id)
  }

  /** Makes the message outlive the program, for these sessions: in the commit that is open. */
  keep(message: Message, targets: readonly Target[]): void {
    message.id = ++this.#lastMessageId
    this.#intake.addDocument(
      messagesStream,
      String(message.id),
      this.#intake.now,
      encodeMessage(message, targets, this.wallTime(message.expiresAt)),
    )
  }

  /** A message found at the start has been given to its sessions; one that none of them needs is done with. */
  restored(message: Message): void {
    if (--message.holders === 0) this.#changes.done.add(message.id)
    else {
      this.queuedBytes += message.bytes + message.holders * placeBytes
      this.queuedMessages++
    }
  }

  /** The ids of messages found at the start are not used again. */
  knows(messageId: number): void {
    this.#lastMessageId = Math.max(this.#lastMessageId, messageId)
  }

  /** `then` runs once everything that has changed so far is on disk, however many attempts that takes. */
  afterCommit(then: () => void): void {
    this.#waiting.push(then)
    if (this.#isScheduled) return
    this.#isScheduled = true
    queueMicrotask(() => {
      this.#isScheduled = false
      this.commit()
    })
  }

  /** Writes what has changed into the commit that is open, and asks for it. Where nothing can be written now, it waits for the next call. */
  commit(): void {
    if (!this.isDirty || this.#intake.refusal() !== undefined) return
    const changes = this.#changes
    const waiting = this.#waiting
    this.#changes = noChanges()
    this.#waiting = []
    this.#write(changes)
    this.#intake.durable().then(
      () => {
        for (const then of waiting) then()
      },
      () => {
        this.#undo(changes)
        this.#waiting.unshift(...waiting)
      },
    )
  }

  #write({ sessions, ended, outgoing, incoming, retained, done }: Changes): void {
    const intake = this.#intake
    for (const session of ended) {
      intake.set(keys.session(session.number), undefined)
      intake.set(keys.sent(session.number), undefined)
      for (const block of session.outgoing.written)
        intake.set(keys.inFlight(session.number, block), undefined)
      for (const block of session.incoming.written())
        intake.set(keys.incoming(session.number, block), undefined)
    }
    for (const session of sessions) intake.set(keys.session(session.number), this.#sessionRecord(session))
    for (const [{ number, outgoing: its }, blocks] of outgoing) {
      intake.set(keys.sent(number), encodeSentId(its.sentId))
      for (const block of blocks) {
        intake.set(keys.inFlight(number, block), encodeInFlight(its.inBlock(block)))
        its.written.add(block)
      }
    }
    for (const session of incoming)
      for (const [block, record] of session.incoming.takeChanged())
        intake.set(keys.incoming(session.number, block), record)
    for (const [topic, record] of retained) intake.set(keys.retained(topic), record(topic))
    for (const id of done) intake.addDocument(messagesStream, String(id), intake.now, nothing)
  }

  #sessionRecord(session: Session): Uint8Array {
    const { awaySince } = session
    return encodeSession(session, awaySince === undefined ? undefined : this.wallTime(awaySince))
  }

  /** The commit failed: it goes with the next one, as it is by then. What has ended meanwhile, or is there again, is not written anew. */
  #undo(failed: Changes): void {
    const changes = this.#changes
    for (const session of failed.ended) {
      if (!session.isRecorded) {
        changes.ended.add(session)
        continue
      }
      // There again before its end was written: nothing of before may stay.
      const blocks = this.sent(session)
      for (const block of session.outgoing.written) blocks.add(block)
      session.incoming.writeAgain()
      changes.incoming.add(session)
    }
    for (const name of ['sessions', 'incoming'] as const)
      for (const session of failed[name]) if (session.isRecorded) changes[name].add(session)
    for (const [session, failedBlocks] of failed.outgoing) {
      if (!session.isRecorded) continue
      const blocks = this.sent(session)
      for (const block of failedBlocks) blocks.add(block)
    }
    for (const [topic, record] of failed.retained) changes.retained.set(topic, record)
    for (const { incoming } of failed.incoming) incoming.writeAgain()
    for (const id of failed.done) changes.done.add(id)
  }
}

function noChanges(): Changes {
  return {
    sessions: new Set(),
    ended: new Set(),
    outgoing: new Map(),
    incoming: new Set(),
    retained: new Map(),
    done: new Set(),
  }
}

const nothing = new Uint8Array(0)
