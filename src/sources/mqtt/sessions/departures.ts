import type { Clock } from '../../../lib/clock.ts'
import type { MqttCounters } from '../counters.ts'
import type { ConnectionTerms } from '../connection/connect.ts'
import type { Keeper } from './keeper.ts'
import type { PublishHandler } from '../publish/publish-handler.ts'
import type { Session, Will } from './session.ts'
import type { SessionTable } from './session-table.ts'
import { type TopicBudget, TopicCache } from '../publish/topic-cache.ts'
import { willDelayMs, Wills } from './wills.ts'

export interface DepartureParts {
  readonly isKeeping: boolean
  readonly sessions: SessionTable
  readonly keeper: Keeper
  readonly publishes: PublishHandler
  readonly topics: TopicBudget
  readonly clock: Clock
  readonly counters: Pick<MqttCounters, 'willsPublished' | 'sessionsExpired'>
}

/** When a will that could not be taken is tried again. */
const againMs = 1_000

/** What happens when clients go, and when sessions end: wills are published, at once or when their delay is over. */
export class Departures {
  readonly #parts: DepartureParts
  readonly #wills = new Wills()
  /** Published, and in no commit that was asked for yet. */
  #published: { readonly session: Session; readonly will: Will }[] = []

  constructor(parts: DepartureParts) {
    this.#parts = parts
  }

  /** A client has come: the session that it asked for is its own from now on. `isOnDisk`: nothing of it has to be written first. */
  enter(terms: ConnectionTerms): {
    readonly session: Session
    readonly isPresent: boolean
    readonly isOnDisk: boolean
  } {
    const { sessions, keeper } = this.#parts
    const before = sessions.get(terms.clientId)
    const hadRecord = before?.isRecorded === true
    if (before !== undefined && sessions.isOver(before)) this.#expire(before)
    else if (before !== undefined && terms.isClean) this.end(before)
    const { session, isPresent } = sessions.open(terms)
    this.#wills.cancel(session)
    session.will = terms.will
    // A will must be published though the program is killed.
    if (terms.will !== undefined && this.#parts.isKeeping) keeper.session(session)
    return { session, isPresent, isOnDisk: !hadRecord && !session.isRecorded }
  }

  /** The client has gone; a will that it did not take back is still in its session. */
  depart(session: Session): void {
    const { sessions, clock } = this.#parts
    if (session.will !== undefined) {
      const delayMs = willDelayMs(session.will, session)
      if (delayMs > 0) this.#wills.schedule(session, clock.monotonicMs() + delayMs)
      else this.#publish(session)
    }
    sessions.leave(session)
  }

  /** The session ends now, and its will waits no longer (MQTT-3.1.3-9). */
  end(session: Session): void {
    this.#wills.cancel(session)
    this.#publish(session)
    this.#parts.sessions.end(session)
  }

  sweep(): void {
    const { sessions, clock } = this.#parts
    for (const session of this.#wills.takeDue(clock.monotonicMs())) {
      this.#publish(session)
      if (!session.isKept && session.receiver === undefined) sessions.end(session)
    }
    for (const session of sessions.values()) if (sessions.isOver(session)) this.#expire(session)
  }

  /** Wills of clients that were there when the program ended: they have gone without a word. */
  restore(): void {
    const { sessions, clock } = this.#parts
    for (const session of sessions.values()) {
      if (session.will === undefined) {
        if (!session.isKept) sessions.end(session)
      } else this.#wills.schedule(session, clock.monotonicMs() + willDelayMs(session.will, session))
    }
  }

  /** The commit has all that was published before. If it fails, nobody sends a will again: it is its session's once more, and waits. */
  joined(commit: Promise<unknown>): void {
    if (this.#published.length === 0) return
    const published = this.#published
    this.#published = []
    commit.catch(() => {
      for (const { session, will } of published) this.#takeBack(session, will)
    })
  }

  #takeBack(session: Session, will: Will): void {
    const { keeper, counters, clock } = this.#parts
    // The client is back.
    if (session.receiver !== undefined || session.will !== undefined) return
    session.will = will
    if (session.isKept && !session.isEnded) keeper.session(session)
    this.#wills.schedule(session, clock.monotonicMs() + againMs)
    counters.willsPublished--
  }

  #expire(session: Session): void {
    this.#parts.counters.sessionsExpired++
    this.end(session)
  }

  #publish(session: Session): void {
    const { will } = session
    if (will === undefined) return
    const { publishes, counters, topics, keeper, clock } = this.#parts
    session.will = undefined
    if (!publishes.takeWill(will, { session, topics: new TopicCache(topics), aliases: [] })) {
      // Nothing can be taken now: it waits, and is in its session's record as long as there is one.
      session.will = will
      this.#wills.schedule(session, clock.monotonicMs() + againMs)
      return
    }
    if (session.isKept && !session.isEnded) keeper.session(session)
    this.#published.push({ session, will })
    counters.willsPublished++
  }
}
