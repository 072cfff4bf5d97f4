import { Worker } from 'node:worker_threads'
import { type Durable, mintDurable } from '../../core/durable.ts'
import { SluiceError } from '../../core/errors.ts'
import type { DoorBooks } from '../../core/intake.ts'
import type { Changes, ConsumeOptions, Delivery, Log, LogStatus, NewReadings } from '../../core/log.ts'
import type { NewSeries } from '../../core/series.ts'
import { diskStorage } from '../../lib/storage.ts'
import type { FromThread, SharedReadings, ThreadData, ThreadStatus, ToThread } from './messages.ts'
import { readStream, type Tail } from './reader.ts'
import type { Watermark, WriterOptions } from './writer.ts'

export interface EmbeddedLogOptions extends WriterOptions {
  /** Groups whose sinks must have taken rows before retention may remove them. */
  readonly groups: readonly string[]
}

/** What the intake starts from. */
export interface LogStart {
  readonly names: readonly NewSeries[]
  readonly books: DoorBooks
}

/** Opens the log in `folder`, or throws what keeps it from opening (`log-version`, a file system error). The folder's lock is the caller's. */
export async function openEmbeddedLog(folder: string, options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { groups, ...writer } = options
  const data: ThreadData = { folder, options: writer }
  const worker = new Worker(new URL('./log-thread.ts', import.meta.url), { workerData: data })
  const first = await new Promise<FromThread>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  if (first.kind === 'opened') return new EmbeddedLog(worker, folder, groups, first)
  throw first.kind === 'failed'
    ? new SluiceError(first.code, first.message)
    : new SluiceError('internal', 'the log thread did not open')
}

/** The log's face in the main thread: commits go to the log thread, readers read the segments. */
export class EmbeddedLog implements Log {
  readonly id: string
  readonly start: LogStart
  /** Resolves if the log thread dies, which it never should: then nothing more can be acknowledged. */
  readonly died: Promise<Error>
  readonly #worker: Worker
  readonly #folder: string
  readonly #waiting: { resolve: (durable: Durable) => void; reject: (error: SluiceError) => void }[] = []
  #watermark: Watermark
  #status: ThreadStatus
  readonly #tailWaiters = new Set<() => void>()
  readonly #bounds = new Map<string, number>()
  #columns = new Map<SharedArrayBuffer, number>()
  /** Counts failures: commits sent before a failure was known must fail too, since they may need names that it took away. */
  #epoch = 0
  #closed = false
  #onClosed: (() => void) | undefined

  constructor(
    worker: Worker,
    folder: string,
    groups: readonly string[],
    opened: Extract<FromThread, { kind: 'opened' }>,
  ) {
    this.#worker = worker
    this.#folder = folder
    this.id = opened.id
    this.start = { names: opened.names, books: opened.books }
    this.#watermark = opened.watermark
    this.#status = opened.status
    for (const group of groups) this.#bounds.set(group, 0)
    worker.on('message', (message: FromThread) => this.#receive(message))
    this.died = new Promise((resolve) => {
      worker.once('error', (error: unknown) => {
        const cause = error instanceof Error ? error : new Error(String(error))
        this.#failAll(new SluiceError('internal', 'the log thread died', cause))
        resolve(cause)
      })
    })
  }

  commit(changes: Changes): Promise<Durable> {
    if (this.#closed) return Promise.reject(new SluiceError('closed', 'the log is closed'))
    const { promise, resolve, reject } = Promise.withResolvers<Durable>()
    this.#waiting.push({ resolve, reject })
    const shared = changes.readings && this.#share(changes.readings)
    this.#post({
      kind: 'commit',
      epoch: this.#epoch,
      shared,
      changes: shared ? { ...changes, readings: undefined } : changes,
    })
    return promise
  }

  consume(
    stream: string,
    group: string,
    options: ConsumeOptions,
    signal: AbortSignal,
  ): AsyncIterable<Delivery> {
    const place = { storage: diskStorage, folder: this.#folder, log: this.id, tail: this.tail }
    return readStream(place, stream, options, (next) => this.acknowledge(group, next), signal)
  }

  /** Moves a group's bound: its sink holds everything below `next`. For readers that run in another process. */
  acknowledge(group: string, next: number): void {
    const before = this.#bounds.get(group)
    if (before !== undefined && next <= before) return
    const bound = this.#bound()
    this.#bounds.set(group, next)
    const after = this.#bound()
    if (after !== bound && !this.#closed) this.#post({ kind: 'bound', bound: after })
  }

  /** How far the log is durable, for readers. */
  readonly tail: Tail = {
    watermark: () => this.#watermark,
    beyond: (next, signal) => {
      if (this.#watermark.next > next || signal.aborted || this.#closed) return Promise.resolve()
      return new Promise((resolve) => {
        const done = () => {
          this.#tailWaiters.delete(done)
          signal.removeEventListener('abort', done)
          resolve()
        }
        this.#tailWaiters.add(done)
        signal.addEventListener('abort', done, { once: true })
      })
    },
  }

  status(): LogStatus {
    const { first, ...status } = this.#status
    return {
      ...status,
      id: this.id,
      first: BigInt(first),
      next: BigInt(this.#watermark.next),
      state: this.#closed ? 'closed' : status.state,
    }
  }

  /** Waits for the commits under way, then closes the files. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const closed = new Promise<void>((resolve) => {
      this.#onClosed = resolve
    })
    this.#post({ kind: 'close' })
    await Promise.race([closed, this.died])
    await this.#worker.terminate()
    for (const wake of [...this.#tailWaiters]) wake()
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message)
  }

  #receive(message: FromThread): void {
    if (message.kind === 'durable') {
      this.#watermark = message.watermark
      const durable = mintDurable({ log: this.id, partition: 0, next: BigInt(message.watermark.next) })
      for (const { resolve } of this.#take(message.commits)) resolve(durable)
      for (const wake of [...this.#tailWaiters]) wake()
    } else if (message.kind === 'failed') {
      this.#epoch = message.epoch
      const error = new SluiceError(message.code, message.message)
      if (message.code === 'disk-full') this.#status = { ...this.#status, state: 'disk-full' }
      if (message.code === 'log-read-only') this.#status = { ...this.#status, state: 'read-only' }
      for (const { reject } of this.#take(message.commits)) reject(error)
    } else if (message.kind === 'status') {
      this.#status = message.status
      this.#watermark = message.watermark
    } else if (message.kind === 'closed') {
      this.#onClosed?.()
    }
  }

  /** The oldest commits not answered yet. */
  #take(commits: number): { resolve: (durable: Durable) => void; reject: (error: SluiceError) => void }[] {
    return this.#waiting.splice(0, commits)
  }

  #failAll(error: SluiceError): void {
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }

  #bound(): number {
    return this.#bounds.size === 0 ? this.#watermark.next : Math.min(...this.#bounds.values())
  }

  /** Columns in shared memory are named to the thread once; others (tests, small tools) are copied with the message. */
  #share(readings: NewReadings): SharedReadings | undefined {
    const { time, value, series, quality, flags } = readings
    const buffer = time.buffer
    if (!(buffer instanceof SharedArrayBuffer)) return undefined
    let id = this.#columns.get(buffer)
    if (id === undefined) {
      id = this.#columns.size
      this.#columns.set(buffer, id)
      this.#post({
        kind: 'columns',
        id,
        buffer,
        capacity: time.length,
        time: time.byteOffset,
        value: value.byteOffset,
        series: series.byteOffset,
        quality: quality.byteOffset,
        flags: flags.byteOffset,
      })
    }
    return { columns: id, length: readings.length, text: readings.text, extra: readings.extra }
  }
}
