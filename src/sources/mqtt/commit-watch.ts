import type { Durable } from '../../core/durable.ts'
import type { MqttCounters } from './counters.ts'
import type { MqttLog } from './log.ts'

/**
 * Watches each commit once, however many reads wait for it: a failure is logged and counted even if the commit held only
 * messages that nobody waits for (QoS 0, wills).
 */
export class CommitWatch {
  readonly #counters: MqttCounters
  readonly #log: MqttLog
  #last: Promise<Durable> | undefined
  #pending: { qos0: number } = { qos0: 0 }

  constructor(counters: MqttCounters, log: MqttLog) {
    this.#counters = counters
    this.#log = log
  }

  join(commit: Promise<Durable>, qos0: number): void {
    if (commit !== this.#last) {
      const pending = { qos0: 0 }
      this.#last = commit
      this.#pending = pending
      commit.catch((error: unknown) => {
        this.#counters.commitFailures++
        this.#counters.lostQos0 += pending.qos0
        this.#log.error({ err: error }, 'mqtt: a commit failed; its messages are not acknowledged')
      })
    }
    this.#pending.qos0 += qos0
  }

  /** Resolves when the last commit that was joined has succeeded or failed; those before it have too. */
  async settled(): Promise<void> {
    await this.#last?.catch(() => undefined)
  }
}
