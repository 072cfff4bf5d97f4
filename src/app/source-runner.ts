import type { SourceSnapshot } from '../api/snapshot.ts'
import type { Intake } from '../core/intake.ts'
import { type FeedSource, type FeedStatus, SourceFailure } from '../core/source.ts'
import type { Clock } from '../lib/clock.ts'
import { wait } from '../lib/wait.ts'
import type { SourceLog } from '../sources/component.ts'

const firstRetryMs = 100
const lastRetryMs = 10_000
/** A connection that was kept this long, or over which something was acknowledged, has worked. */
const workingMs = 10_000

/**
 * Runs one source: attempt after attempt, with a pause that grows from 100 ms to 10 s, until it is stopped. Nothing that a source does or
 * meets ends the program.
 */
export class SourceRunner {
  readonly name: string
  readonly #type: string
  readonly #source: FeedSource
  readonly #intake: Intake
  readonly #clock: Clock
  readonly #log: SourceLog
  readonly #stopping = new AbortController()
  #running: Promise<void> | undefined
  #phase: 'attempt' | 'waiting' | 'stopped' = 'attempt'
  /** The last attempt said that somebody must mend it. */
  #isDown = false
  #error: string | undefined
  #failures = 0
  #failingSinceMs: number | undefined
  /** When the attempt under way began, and what was acknowledged before it. */
  #begun = { ms: 0, acknowledged: 0 }

  constructor(type: string, source: FeedSource, intake: Intake, clock: Clock, log: SourceLog) {
    this.name = source.name
    this.#type = type
    this.#source = source
    this.#intake = intake
    this.#clock = clock
    this.#log = log
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Takes no more, lets what is under way be acknowledged, and returns. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    this.#phase = 'stopped'
  }

  get status(): SourceSnapshot {
    const feed = this.#source.status()
    this.#settle(feed)
    return {
      ...feed,
      name: this.name,
      type: this.#type,
      state: this.#state(feed.isConnected),
      error: this.#error,
      failures: this.#failures,
      failingMs: this.#failingSinceMs === undefined ? 0 : this.#clock.monotonicMs() - this.#failingSinceMs,
    }
  }

  #state(isConnected: boolean): SourceSnapshot['state'] {
    if (this.#phase === 'stopped') return 'stopped'
    if (this.#phase === 'attempt' && isConnected) return 'running'
    if (this.#isDown) return 'down'
    return this.#phase === 'attempt' ? 'connecting' : 'waiting'
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    while (!signal.aborted) {
      this.#phase = 'attempt'
      const { acknowledged, connects } = this.#source.status()
      this.#begun = { ms: this.#clock.monotonicMs(), acknowledged }
      try {
        await this.#source.run(this.#intake, signal)
        if (!signal.aborted) throw new SourceFailure('retry', 'the connection has ended')
      } catch (error) {
        const feed = this.#source.status()
        this.#settle({ ...feed, isConnected: feed.connects > connects })
        await this.#failed(error, signal)
      }
    }
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const isDown = error instanceof SourceFailure && error.kind === 'stop'
    const isDefect = !(error instanceof SourceFailure)
    const why = error instanceof Error ? error.message : String(error)
    const failures = this.#failures++
    this.#failingSinceMs ??= this.#clock.monotonicMs()
    // One line for each cause, not one for each attempt.
    if (isDefect) this.#log.error({ err: error }, 'the source has failed; it is tried again')
    else if (why !== this.#error)
      this.#log[isDown ? 'error' : 'warn']({}, `${isDown ? 'down' : 'tried again'}: ${why}`)
    this.#error = why
    this.#isDown = isDown
    this.#phase = 'waiting'
    const ms = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(failures, 10)) * (0.75 + Math.random() / 2)
    await wait(ms, signal)
  }

  /** Forgets past failures once the attempt under way has worked. */
  #settle({ isConnected, acknowledged }: FeedStatus): void {
    if (this.#phase !== 'attempt' || !isConnected || this.#failures === 0) return
    const { ms, acknowledged: before } = this.#begun
    if (acknowledged === before && this.#clock.monotonicMs() - ms < workingMs) return
    this.#log.info({}, 'it takes messages again')
    this.#failures = 0
    this.#failingSinceMs = undefined
    this.#error = undefined
    this.#isDown = false
  }
}
