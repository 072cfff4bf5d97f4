import { type Sink, SinkFailure, type SinkState, type SinkWrite, type Written } from '../core/sink.ts'

/**
 * A sink that is opened when its pipeline first asks where it stands, and is tried again like everything a pipeline does: one that cannot be
 * opened is down by itself, and everything beside it runs.
 */
export class OpeningSink implements Sink {
  readonly name: string
  readonly #open: () => Promise<Sink>
  #sink: Sink | undefined

  constructor(name: string, open: () => Promise<Sink>) {
    this.name = name
    this.#open = open
  }

  async state(log: string, partition: number): Promise<SinkState | undefined> {
    return (await this.#opened()).state(log, partition)
  }

  async write(write: SinkWrite, signal: AbortSignal): Promise<Written> {
    return (await this.#opened()).write(write, signal)
  }

  async close(): Promise<void> {
    await this.#sink?.close()
  }

  async #opened(): Promise<Sink> {
    try {
      this.#sink ??= await this.#open()
      return this.#sink
    } catch (error) {
      if (error instanceof SinkFailure) throw error
      const why = error instanceof Error ? error.message : String(error)
      throw new SinkFailure('stop', 'store-refused', `it cannot be opened: ${why}`, error)
    }
  }
}
