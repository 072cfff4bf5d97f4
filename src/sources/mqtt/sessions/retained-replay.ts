import type { Durable } from '../../../core/durable.ts'
import type { FanOut } from '../publish/fan-out.ts'
import { idsOf } from './filter-trie.ts'
import type { Keeper } from './keeper.ts'
import type { Message } from './message.ts'
import type { RetainedMessages } from './retained.ts'
import type { Session, Subscription } from './session.ts'

interface Found {
  readonly subscription?: Subscription
  readonly message?: Message
  /** There are no more filters. */
  readonly isOver: boolean
}

/** Messages given in one turn of the event loop: others are served in between. */
const perTurn = 256

export interface ReplayParts {
  readonly retained: RetainedMessages
  readonly fanOut: FanOut
  readonly keeper: Keeper
  commit(qos0: number): Promise<Durable>
  deliverAfter(commit: Promise<Durable>): void
}

/**
 * Retained messages that the new subscriptions of one session are still to be given: one filter after the other, a few messages a turn, and no
 * faster than the client reads. However many match, they cost the session's client and nobody else.
 */
export class RetainedReplay {
  readonly #session: Session
  readonly #parts: ReplayParts
  readonly #filters: Subscription[] = []
  #current: { readonly subscription: Subscription; readonly messages: Iterator<Message> } | undefined
  #isScheduled = false
  /** Found, and not given yet. */
  #found: Found | undefined

  private constructor(session: Session, parts: ReplayParts) {
    this.#session = session
    this.#parts = parts
  }

  /** Begins behind the answer to the subscriptions. */
  static start(session: Session, subscriptions: Iterable<Subscription>, parts: ReplayParts): void {
    session.replay ??= new RetainedReplay(session, parts)
    const { replay } = session
    replay.#filters.push(...subscriptions)
    if (session.isKept) parts.keeper.afterCommit(() => replay.#schedule())
    else replay.#schedule()
  }

  /** The client may have room again. */
  continue(): void {
    const session = this.#session
    if (session.isEnded) session.replay = undefined
    if (session.replay !== this || this.#isScheduled) return
    const { fanOut } = this.#parts
    for (let given = 0; given < perTurn; given++) {
      // What waits for the client already comes first.
      if (session.receiver === undefined || session.receiver.isFull || session.outgoing.waiting > 0) break
      this.#found ??= this.#next()
      const { subscription, message, isOver } = this.#found
      if (isOver) return
      if (message !== undefined && !session.receiver.hasRoomFor(message.bytes)) break
      this.#found = undefined
      // A search takes its time whatever it finds: the next one is another turn's.
      if (message === undefined || subscription === undefined) {
        this.#schedule()
        break
      }
      // Its topic has another one since the subscription, which has come by itself.
      if (!this.#parts.retained.isCurrent(message)) continue
      fanOut.deliverRetained(session, message, subscription.qos, idsOf(subscription))
      if (given + 1 === perTurn) this.#schedule()
    }
    if (fanOut.hasPending) this.#parts.deliverAfter(this.#parts.commit(0))
  }

  /** Without a message: one filter is done with. */
  #next(): Found {
    if (this.#current === undefined) {
      const subscription = this.#filters.shift()
      if (subscription === undefined) {
        this.#session.replay = undefined
        return { isOver: true }
      }
      const messages = this.#parts.retained.match(subscription.filter)[Symbol.iterator]()
      this.#current = { subscription, messages }
    }
    const { subscription, messages } = this.#current
    const found = messages.next()
    if (found.done !== true) return { subscription, message: found.value, isOver: false }
    this.#current = undefined
    return { isOver: false }
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      this.continue()
    })
  }
}
