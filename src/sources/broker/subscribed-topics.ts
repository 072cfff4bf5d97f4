import { z } from 'zod'
import type { Intake } from '../../core/intake.ts'
import type { KeyedState } from '../../core/keyed-state.ts'
import { SourceFailure } from '../../core/source.ts'
import type { SourceLog } from '../component.ts'
import type { BrokerLink } from './broker-link.ts'

const heldSchema = z.array(z.string())

/**
 * The filters that our session at the broker may hold. A broker keeps those of a session until they are dropped, so one that is taken out of
 * the configuration would go on for ever: they are remembered before they are subscribed to.
 */
export class SubscribedTopics {
  readonly #key: string
  #held: readonly string[]
  #wanted: readonly string[] = []

  constructor(source: string, state: KeyedState, logger: SourceLog) {
    this.#key = `cursor/mqtt-broker/${source}`
    const kept = state.get(this.#key)
    try {
      this.#held = kept === undefined ? [] : heldSchema.parse(JSON.parse(decoder.decode(kept)))
    } catch {
      this.#held = []
      logger.warn(
        { key: this.#key },
        'the filters subscribed to earlier cannot be read and are left at the broker',
      )
    }
  }

  /** Before the connection is made. */
  async begin(topics: readonly string[], intake: Intake): Promise<void> {
    this.#wanted = topics
    await this.#hold([...new Set([...this.#held, ...topics])], intake)
  }

  /** Once what is wanted is subscribed to. */
  async settle(link: Pick<BrokerLink, 'unsubscribe'>, intake: Intake): Promise<void> {
    await link.unsubscribe(this.#held.filter((topic) => !this.#wanted.includes(topic)))
    await this.#hold(this.#wanted, intake)
  }

  async #hold(topics: readonly string[], intake: Intake): Promise<void> {
    if (topics.length === this.#held.length) return
    intake.set(this.#key, encoder.encode(JSON.stringify(topics)))
    try {
      await intake.durable()
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      throw new SourceFailure('retry', `a commit failed, the filters cannot be kept: ${why}`, error)
    }
    this.#held = topics
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()
