import { systemClock } from '../lib/clock.ts'
import type { Intake } from '../core/intake.ts'
import type { Processor } from '../core/processor.ts'
import type { Sink } from '../core/sink.ts'
import type { EmbeddedLog } from '../log/embedded/log.ts'
import type { Letters } from './pipeline/letters.ts'
import { type PipelineStatus, runPipeline, startingStatus } from './pipeline/runner.ts'

/** Small, so that a sink in the main thread never holds it for long. */
const maxRows = 2_048

/** A sink that runs in the main thread, fed with one stream. */
export class SinkPipeline {
  readonly name: string
  status: PipelineStatus
  readonly #sink: Sink
  readonly #stopping = new AbortController()
  readonly #running: Promise<void>

  constructor(
    log: EmbeddedLog,
    intake: Intake,
    sink: Sink,
    stream: string,
    group: string,
    processors: readonly Processor[],
    onStatus: (status: PipelineStatus, before: PipelineStatus) => void,
  ) {
    this.name = sink.name
    this.#sink = sink
    this.status = startingStatus(sink.name, stream)
    const run = ({ id, renewed }: EmbeddedLog) =>
      runPipeline(
        {
          name: sink.name,
          log: id,
          stream,
          admit: (position) => log.admit(group, position),
          consume: (options, signal) => log.consume(stream, group, options, signal),
          processors,
          sink,
          letters: lettersTo(intake),
          clock: systemClock,
          maxRows,
          lingerMs: 0,
          onStatus: (status) => {
            const before = this.status
            this.status = status
            onStatus(status, before)
          },
        },
        AbortSignal.any([this.#stopping.signal, renewed]),
      )
    this.#running = this.#keepRunning(log, run)
  }

  /** Until it ends; and again when the log has another id. */
  async #keepRunning(log: EmbeddedLog, run: (log: EmbeddedLog) => Promise<void>): Promise<void> {
    for (let isAgain = true; isAgain; ) {
      const { renewed } = log
      await run(log)
      isAgain = renewed.aborted && !this.#stopping.signal.aborted
    }
  }

  /** Lets the write under way finish and closes the sink. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#running
    await this.#sink.close()
  }
}

/** Letters of a sink go through the intake like everything that must be kept. */
export function lettersTo(intake: Intake): Letters {
  return {
    async put(letters) {
      for (const letter of letters) intake.reject(letter)
      await intake.durable()
    },
  }
}
