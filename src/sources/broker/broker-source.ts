import type { Intake } from '../../core/intake.ts'
import type { FeedSource, FeedStatus } from '../../core/source.ts'
import { wait } from '../../lib/wait.ts'
import type { SourceParts } from '../component.ts'
import { type FeedCounters, newFeedCounters } from '../message-taker.ts'
import { BrokerLink, type Welcome } from './broker-link.ts'
import type { BrokerOptions } from './options.ts'
import { SubscribedTopics } from './subscribed-topics.ts'
import { nothingKept, Taking } from './taking.ts'

/**
 * Messages of an MQTT broker that others run. It holds a session there, so what comes while Sluice is away waits for it; each message is
 * acknowledged when its commit is on disk, and one that was not is sent again by the broker.
 */
export class BrokerSource implements FeedSource {
  readonly name: string
  readonly #options: BrokerOptions
  readonly #parts: SourceParts
  readonly #clientId: string
  readonly #subscribed: SubscribedTopics
  readonly #counters: FeedCounters = newFeedCounters()

  constructor(options: BrokerOptions, parts: SourceParts) {
    this.name = parts.name
    this.#options = options
    this.#parts = parts
    // Two sources of one Sluice may stand at one broker.
    this.#clientId = `${options.clientIdPrefix}-${parts.instance}-${parts.name}`
    this.#subscribed = new SubscribedTopics(parts.name, parts.state, parts.logger)
  }

  status(): FeedStatus {
    return { ...this.#counters }
  }

  async run(intake: Intake, signal: AbortSignal): Promise<void> {
    const stopped = aborted(signal)
    await Promise.race([intake.room(), stopped])
    const closedBy = intake.refusal()
    if (closedBy !== undefined) throw nothingKept(closedBy)
    await this.#subscribed.begin(this.#options.topics, intake)
    const counters = this.#counters
    const taking = new Taking(this.#options, this.#parts, counters, intake)
    const link = new BrokerLink(this.#options, this.#parts.clock, taking)
    taking.link = link
    try {
      const welcome = await Promise.race([link.start(this.#clientId, signal), taking.failed])
      this.#welcomed(welcome)
      await Promise.race([this.#subscribed.settle(link, intake), taking.failed, stopped])
      await Promise.race([link.ended, taking.failed, stopped])
      const isOver = new AbortController()
      await Promise.race([taking.stop(), wait(drainMs, isOver.signal)])
      isOver.abort()
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      counters.isConnected = false
      taking.leave()
      await link.close()
    }
  }

  #welcomed({ sessionPresent, sessionExpirySeconds: kept }: Welcome): void {
    const { logger } = this.#parts
    const { version, sessionExpirySeconds: asked } = this.#options
    this.#counters.connects++
    this.#counters.isConnected = true
    logger.info({ clientId: this.#clientId, sessionPresent }, 'connected to the broker')
    if (version === '5' && kept !== undefined && kept < asked)
      logger.warn({ seconds: kept }, 'the broker keeps messages for a shorter time than sessionExpirySeconds')
  }
}

/** Acknowledgements under way may take this long when Sluice stops. */
const drainMs = 3_000

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
