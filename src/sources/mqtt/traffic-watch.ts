import { type Frequency, FrequentNames } from '../../lib/frequent-names.ts'
import type { Outbound } from './connection/outbound.ts'
import type { Session } from './sessions/session.ts'

/** Messages of a watch that are all counted; of those behind them one in `sampleEvery`, drawn at random, counts for all. */
const exactMessages = 20_000
const sampleEvery = 16
/** Up to so many clients, and as many topics, are told apart exactly. */
const maxNames = 2048

/** A client that acknowledges nothing for so long is slow. */
const patienceMs = 1_000

/** A connection whose peer does not take what waits for it, or does not acknowledge it. */
export interface SlowClient {
  readonly clientId: string
  readonly address: string
  /** That its connection has not taken. */
  readonly waitingBytes: number
  /** Messages of QoS 1 and 2 that it was sent and has not finished with. */
  readonly unacknowledged: number
  /** Of all messages of QoS 1 and 2 that it has not finished with, those that wait to be sent among them. */
  readonly queuedBytes: number
  /** Since when it has taken or acknowledged nothing. */
  readonly stalledMs: number
}

/** The connection of a session, if its client is slow. */
export function slowClient(
  session: Session | undefined,
  outbound: Outbound,
  address: string,
): SlowClient | undefined {
  const { queuedBytes: waitingBytes } = outbound
  if (session === undefined) return undefined
  const { clientId, unansweredMs, outgoing } = session
  if (waitingBytes === 0 && unansweredMs < patienceMs) return undefined
  return {
    clientId,
    address,
    waitingBytes,
    unacknowledged: outgoing.active,
    queuedBytes: outgoing.bytes,
    stalledMs: Math.max(outbound.stalledMs(), unansweredMs),
  }
}

export interface Traffic {
  /** Messages were drawn: counts are estimates. */
  readonly isSampled: boolean
  readonly clients: readonly Frequency[]
  readonly topics: readonly Frequency[]
  readonly slowClients: readonly SlowClient[]
}

/** Counts messages by client and topic for as long as somebody watches; nobody else pays for it. */
export class TrafficWatch {
  readonly #clients = new FrequentNames(maxNames)
  readonly #topics = new FrequentNames(maxNames)
  #seen = 0
  #skip = 0

  count(clientId: string, topic: string, bytes: number): void {
    let weight = 1
    if (this.#seen < exactMessages) this.#seen++
    else {
      if (this.#skip-- > 0) return
      // The distance varies, or a client that takes its topics in turn would show always the same ones.
      this.#skip = Math.floor(Math.random() * (2 * sampleEvery - 1))
      weight = sampleEvery
    }
    this.#clients.add(clientId, weight, weight * bytes)
    this.#topics.add(topic, weight, weight * bytes)
  }

  /** What came so far. `slow` are the connections that have something to wait for. */
  report(limit: number, slow: Iterable<SlowClient>): Traffic {
    return {
      isSampled: this.#seen === exactMessages,
      clients: this.#clients.top(limit),
      topics: this.#topics.top(limit),
      slowClients: [...slow]
        .sort((a, b) => b.stalledMs - a.stalledMs || b.waitingBytes - a.waitingBytes)
        .slice(0, limit),
    }
  }
}
