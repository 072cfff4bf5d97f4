import type { Durable } from '../../src/core/durable.ts'
import type { Changes, ConsumeOptions, Delivery, Log, LogStatus } from '../../src/core/log.ts'
import { bytesAt, textAt } from '../../src/core/text-column.ts'

export interface CommittedDocument {
  readonly stream: string
  readonly key: string
  readonly body: string
}

/**
 * A log in front of another one that remembers what it was given and tells nobody that a commit is durable while it is held.
 * Commits that are told to fail never reach the log behind it.
 */
export class GatedLog implements Log {
  readonly id: string
  /** What came in, whether its durability was told or not. */
  readonly values: number[] = []
  readonly documents: CommittedDocument[] = []
  commits = 0
  /** Overrides the log's state. */
  state: LogStatus['state'] | undefined
  /** The cause that the next commits fail with. */
  failure: Error | undefined
  /** Commits that have failed with it. */
  failures = 0
  readonly #log: Log
  #gate: PromiseWithResolvers<void> | undefined
  #waiters: { readonly commits: number; readonly resolve: () => void }[] = []

  constructor(log: Log) {
    this.#log = log
    this.id = log.id
  }

  hold(): void {
    this.#gate ??= Promise.withResolvers<void>()
  }

  letGo(): void {
    this.#gate?.resolve()
    this.#gate = undefined
  }

  /** Resolves when so many commits have come in. */
  reached(commits: number): Promise<void> {
    if (this.commits >= commits) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiters.push({ commits, resolve })
    })
  }

  async commit(changes: Changes): Promise<Durable> {
    this.#remember(changes)
    if (this.failure !== undefined) {
      this.failures++
      throw this.failure
    }
    const durable = this.#log.commit(changes)
    durable.catch(() => undefined)
    await this.#gate?.promise
    return await durable
  }

  consume(
    stream: string,
    group: string,
    options: ConsumeOptions,
    signal: AbortSignal,
  ): AsyncIterable<Delivery> {
    return this.#log.consume(stream, group, options, signal)
  }

  status(): LogStatus {
    const status = this.#log.status()
    return this.state === undefined ? status : { ...status, state: this.state }
  }

  close(): Promise<void> {
    return this.#log.close()
  }

  #remember({ readings, documents }: Changes): void {
    if (readings !== undefined) this.values.push(...readings.value.subarray(0, readings.length))
    for (const { stream, length, key, body } of documents) {
      for (let i = 0; i < length; i++) {
        this.documents.push({
          stream,
          key: textAt(key, i),
          body: Buffer.from(bytesAt(body, i)).toString('utf8'),
        })
      }
    }
    this.commits++
    this.#waiters = this.#waiters.filter(({ commits, resolve }) => {
      if (commits > this.commits) return true
      resolve()
      return false
    })
  }
}
