import { SluiceError } from '../../core/errors.ts'
import { SinkFailure } from '../../core/sink.ts'
import type { Engine } from './engine.ts'
import { Sql } from './sql.ts'

const concurrent = 2
const maxWaiting = 64
/** A reader that stays open keeps the write-ahead log from being emptied. */
const maxReadMs = 5_000
const interruptMs = 20

/**
 * At most two queries at once; up to 64 more wait in order, a further one is told to come again. A query is a series of
 * steps, each a read transaction of its own that is interrupted after five seconds or when the signal aborts.
 */
export class Readers {
  readonly #free: Sql[] = []
  readonly #waiting: ((reader: Sql | undefined) => void)[] = []
  readonly #interrupts = new Set<() => void>()
  #closed = false
  #isPaused = false
  #onIdle: () => void = () => {}
  /** Told of every error of the engine itself. */
  onFailure: (error: unknown) => void = () => {}

  static async open(engine: Engine): Promise<Readers> {
    const readers = new Readers()
    for (let i = 0; i < concurrent; i++) readers.#free.push(new Sql(await engine.connect()))
    return readers
  }

  /** Runs one step. @throws SluiceError `busy` if too many wait or the step takes too long; the signal's reason if it aborts. */
  async read<T>(signal: AbortSignal, step: (sql: Sql) => Promise<T>): Promise<T> {
    const reader = await this.#take(signal)
    let isLate = false
    let again: NodeJS.Timeout | undefined
    // An interrupt between two statements, or before one has begun to run, is lost: so it is repeated until the step ends.
    const interrupt = () => {
      reader.connection.interrupt()
      again ??= setInterval(() => reader.connection.interrupt(), interruptMs)
    }
    const timer = setTimeout(() => {
      isLate = true
      interrupt()
    }, maxReadMs)
    signal.addEventListener('abort', interrupt, { once: true })
    this.#interrupts.add(interrupt)
    try {
      signal.throwIfAborted()
      return await step(reader)
    } catch (error) {
      signal.throwIfAborted()
      if (isLate)
        throw new SluiceError('busy', `the query took longer than ${maxReadMs} ms; ask for less`, error)
      this.onFailure(error)
      throw error
    } finally {
      clearTimeout(timer)
      clearInterval(again)
      signal.removeEventListener('abort', interrupt)
      this.#interrupts.delete(interrupt)
      this.#give(reader)
    }
  }

  /** Waits until no query runs and holds back the next ones until `resume`. */
  async pause(): Promise<void> {
    this.#isPaused = true
    if (this.#free.length === concurrent) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    await promise
  }

  resume(): void {
    this.#isPaused = false
    while (this.#free.length > 0 && this.#waiting.length > 0) this.#waiting.shift()?.(this.#free.pop())
  }

  /** Refuses what waits, interrupts what runs and waits for its end. */
  async close(): Promise<void> {
    this.#closed = true
    for (const waiter of this.#waiting.splice(0)) waiter(undefined)
    for (const interrupt of this.#interrupts) interrupt()
    await this.pause()
  }

  #take(signal: AbortSignal): Promise<Sql> {
    signal.throwIfAborted()
    if (this.#closed) throw new SinkFailure('retry', 'closed', 'the store is closing')
    const free = this.#isPaused ? undefined : this.#free.pop()
    if (free !== undefined) return Promise.resolve(free)
    if (this.#waiting.length >= maxWaiting) {
      throw new SluiceError('busy', `${maxWaiting} queries wait already`)
    }
    return new Promise((resolve, reject) => {
      const waiter = (reader: Sql | undefined) => {
        signal.removeEventListener('abort', leave)
        if (reader === undefined) reject(new SluiceError('closed', 'the store is closing'))
        else resolve(reader)
      }
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        reject(signal.reason)
      }
      signal.addEventListener('abort', leave, { once: true })
      this.#waiting.push(waiter)
    })
  }

  #give(reader: Sql): void {
    const next = this.#isPaused ? undefined : this.#waiting.shift()
    if (next !== undefined) {
      next(reader)
      return
    }
    this.#free.push(reader)
    if (this.#isPaused && this.#free.length === concurrent) this.#onIdle()
  }
}
