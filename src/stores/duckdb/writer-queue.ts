import { SinkFailure } from '../../core/sink.ts'

const maxWaiting = 64

/**
 * One writer makes every change: jobs run one after the other. Upkeep (sorting, retention, snapshots) comes in small steps that
 * run when no write waits, or at the latest after `patience` writes, so that it is delayed but never starved.
 * At 64 waiting writes a further one is told to come again.
 */
export class WriterQueue {
  readonly #writes: (() => Promise<void>)[] = []
  readonly #upkeep: (() => Promise<void>)[] = []
  readonly #patience: number
  #sinceUpkeep = 0
  #running: Promise<void> | undefined
  #closed = false

  constructor(patience: number) {
    this.#patience = patience
  }

  get isIdle(): boolean {
    return this.#running === undefined
  }

  write<T>(job: () => Promise<T>): Promise<T> {
    if (this.#writes.length >= maxWaiting) {
      return Promise.reject(new SinkFailure('retry', 'busy', `${maxWaiting} writes wait already`))
    }
    return this.#add(this.#writes, job)
  }

  upkeep<T>(job: () => Promise<T>): Promise<T> {
    return this.#add(this.#upkeep, job)
  }

  /** Takes nothing more, and resolves when what was taken is done. */
  async close(): Promise<void> {
    this.#closed = true
    while (this.#running !== undefined) await this.#running
  }

  #add<T>(to: (() => Promise<void>)[], job: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(new SinkFailure('retry', 'closed', 'the store is closing'))
    return new Promise<T>((resolve, reject) => {
      to.push(() => job().then(resolve, reject))
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    for (;;) {
      const isUpkeepDue = this.#writes.length === 0 || this.#sinceUpkeep >= this.#patience
      const job =
        (isUpkeepDue ? this.#upkeep.shift() : undefined) ?? this.#writes.shift() ?? this.#upkeep.shift()
      if (job === undefined) {
        this.#running = undefined // before the promise settles, so that nothing added now is left lying
        return
      }
      this.#sinceUpkeep = isUpkeepDue ? 0 : this.#sinceUpkeep + 1
      await job()
    }
  }
}
