import { SluiceError } from '../../core/errors.ts'
import type { Intake } from '../../core/intake.ts'
import { wait } from '../../lib/wait.ts'
import { encodeReplay, replayKeys, type ReplayRecord } from './replay-record.ts'

const tryAgainMs = 1_000

/** Keeps replays in keyed state. What ends one makes room in the log: it is taken by a full log too, and tried again where it fails. */
export class ReplayKeeper {
  readonly #intake: Intake
  readonly #onEvent: (level: 'error', message: string) => void
  /** Ends that are not on disk yet. */
  readonly #unkept = new Map<string, ReplayRecord>()
  readonly #stopped = new AbortController()

  constructor(intake: Intake, onEvent: (level: 'error', message: string) => void) {
    this.#intake = intake
    this.#onEvent = onEvent
  }

  async keep(name: string, record: ReplayRecord): Promise<void> {
    await this.#set(name, record, false)
  }

  /** Rejects where it is not on disk at once; it is tried again until it is, or the replay is forgotten. */
  async keepEnd(name: string, record: ReplayRecord): Promise<void> {
    try {
      await this.#set(name, record, true)
    } catch (error) {
      if (this.#stopped.signal.aborted) throw error
      const message = `the end of the replay ${name} could not be kept, and is tried again`
      this.#onEvent('error', `${message}: ${String(error)}`)
      this.#keepLater(name, record)
      throw error instanceof SluiceError ? new SluiceError(error.code, message, error) : error
    }
  }

  async forget(name: string): Promise<void> {
    const unkept = this.#unkept.get(name)
    // Else it could come back after it is gone.
    this.#unkept.delete(name)
    try {
      await this.#set(name, undefined, true)
    } catch (error) {
      if (unkept !== undefined) this.#keepLater(name, unkept)
      throw error
    }
  }

  /** Nothing is tried again: at the next start a replay whose end was not kept goes on. */
  stop(): void {
    this.#stopped.abort()
  }

  #keepLater(name: string, record: ReplayRecord): void {
    this.#unkept.set(name, record)
    const tryAgain = async () => {
      const { signal } = this.#stopped
      for (let isKept = false; !isKept; ) {
        await wait(tryAgainMs, signal)
        if (signal.aborted || this.#unkept.get(name) !== record) return
        isKept = await this.#set(name, record, true).then(
          () => true,
          () => false,
        )
      }
      if (this.#unkept.get(name) === record) this.#unkept.delete(name)
    }
    tryAgain().catch((error: unknown) => this.#onEvent('error', `a replay: ${String(error)}`))
  }

  async #set(name: string, record: ReplayRecord | undefined, makesRoom: boolean): Promise<void> {
    this.#intake.tick()
    this.#intake.set(replayKeys + name, record && encodeReplay(record), { makesRoom })
    await this.#intake.durable()
  }
}
