import { Worker } from 'node:worker_threads'
import { type Durable, mintDurable } from '../../core/durable.ts'
import { SluiceError } from '../../core/errors.ts'
import type { DoorBooks } from '../../core/intake.ts'
import type { Changes, ConsumeOptions, Delivery, Log, LogStatus, NewReadings } from '../../core/log.ts'
import type { Position } from '../../core/position.ts'
import type { NewSeries } from '../../core/series.ts'
import { diskStorage, type Storage } from '../../lib/storage.ts'
import type { Damage } from './group-walk.ts'
import type { FromThread, SharedReadings, ThreadData, ThreadStatus, ToThread } from './messages.ts'
import { readStream, type Tail } from './reader.ts'
import type { Watermark, WriterOptions } from './writer.ts'

export interface EmbeddedLogOptions extends WriterOptions {
  /**
   * Groups whose sinks must have taken rows before retention may remove them; each reads one stream. Reading in any other
   * group holds nothing back.
   */
  readonly groups: readonly string[]
  /** Told once of every damaged place that a reader comes upon. */
  readonly onDamage?: (damage: Damage) => void
}

/** What the intake starts from. */
export interface LogStart {
  readonly names: readonly NewSeries[]
  /** One more than the highest series id given: damage may have taken names, their ids are not given again. */
  readonly series: number
  readonly books: DoorBooks
}

/** Where the log is written: a thread of its own, or a simulation's loop. */
export interface LogThread {
  post(message: ToThread): void
  onMessage(receive: (message: FromThread) => void): void
  /** Resolves if it dies of itself, which it never should. */
  readonly died: Promise<Error>
  end(): Promise<unknown>
}

/** Opens the log in `folder`, or throws what keeps it from opening (`log-version`, a file system error). The folder's lock is the caller's. */
export async function openEmbeddedLog(folder: string, options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { groups, onDamage, ...writer } = options
  const data: ThreadData = { folder, options: writer }
  const worker = new Worker(new URL('./log-thread.ts', import.meta.url), {
    workerData: data,
    // Its columns are shared memory: a heap of the usual size holds 20 MB of garbage before anybody looks.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  })
  const thread: LogThread = {
    post: (message) => worker.postMessage(message),
    onMessage: (receive) => worker.on('message', receive),
    died: new Promise((resolve) => {
      worker.once('error', (error: unknown) => {
        resolve(error instanceof Error ? error : new Error(String(error)))
      })
    }),
    end: () => worker.terminate(),
  }
  return await openOn(thread, diskStorage, folder, groups, onDamage)
}

/** Opens the log that `thread` writes, and that readers find in `folder` of `storage`. */
export async function openOn(
  thread: LogThread,
  storage: Storage,
  folder: string,
  groups: readonly string[],
  onDamage?: (damage: Damage) => void,
): Promise<EmbeddedLog> {
  const opening = Promise.withResolvers<EmbeddedLog>()
  let log: EmbeddedLog | undefined
  thread.onMessage((message) => {
    if (message.kind === 'opened') {
      log = new EmbeddedLog(thread, storage, folder, groups, message, onDamage)
      opening.resolve(log)
    } else if (message.kind === 'refused') {
      opening.reject(new SluiceError(message.code, message.message))
    } else log?.receive(message)
  })
  const died = thread.died.then((cause) => {
    throw new SluiceError('internal', 'the log thread died', cause)
  })
  died.catch(() => {})
  return await Promise.race([opening.promise, died])
}

/** Damaged places that are told apart; a log with more is beyond telling. */
const maxDamage = 1_000

interface Waiting {
  readonly resolve: (durable: Durable) => void
  readonly reject: (error: SluiceError) => void
}

/** The log's face in the main thread: commits go to the log thread, readers read the segments. */
export class EmbeddedLog implements Log {
  readonly start: LogStart
  /** Resolves if the log thread dies, which it never should: then nothing more can be acknowledged. */
  readonly died: Promise<Error>
  readonly #thread: LogThread
  readonly #storage: Storage
  readonly #folder: string
  #waiting: Waiting[] = []
  #watermark: Watermark
  #status: ThreadStatus
  #id: string
  /** Where the log ended when it was opened: numbers from here on are given in this run. */
  readonly #startNext: number
  readonly #startRenewals: number
  #renewed = new AbortController()
  #renewal: (PromiseWithResolvers<void> & { readonly reason: string }) | undefined
  /** Groups whose sinks had taken nothing that the log does not hold when they first came. */
  readonly #admitted = new Set<string>()
  readonly #tailWaiters = new Set<() => void>()
  /** Per group: everything below is held by its sink. */
  readonly #bounds = new Map<string, number>()
  readonly #streams = new Map<string, string>()
  readonly #columns = new Map<SharedArrayBuffer, number>()
  readonly #onDamage: ((damage: Damage) => void) | undefined
  /** Damaged places that readers have met, by file and offset. */
  readonly #damage = new Set<string>()
  /** Counts failures: commits sent before a failure was known must fail too, since they may need names that it took away. */
  #epoch = 0
  /** Commits that were refused with the one before them, and whose own answer is still to come. */
  #refusedEarly = 0
  /** Aborts when the log closes or its thread has died: consumers end. */
  readonly #ended = new AbortController()
  /** What commits are refused with once the log has ended. */
  #end: SluiceError | undefined
  readonly #closed = Promise.withResolvers<void>()

  constructor(
    thread: LogThread,
    storage: Storage,
    folder: string,
    groups: readonly string[],
    opened: Extract<FromThread, { kind: 'opened' }>,
    onDamage: ((damage: Damage) => void) | undefined,
  ) {
    this.#onDamage = onDamage
    this.#thread = thread
    this.#storage = storage
    this.#folder = folder
    this.#id = opened.id
    const { names, series, books, watermark } = opened
    this.start = { names, series, books }
    this.#startNext = watermark.next
    this.#startRenewals = opened.status.renewals
    this.#watermark = watermark
    this.#status = opened.status
    for (const group of groups) this.#bounds.set(group, 0)
    if (groups.length === 0) this.#tellBound()
    this.died = thread.died.then((cause) => {
      this.#stop(new SluiceError('internal', 'the log thread died', cause))
      return cause
    })
  }

  /** Positions mean something beside this id only; see `renewed`. */
  get id(): string {
    return this.#id
  }

  /** Aborts, with what there is to say, when the log gets another id; then there is another signal. Pipelines start again with the new id. */
  get renewed(): AbortSignal {
    return this.#renewed.signal
  }

  /**
   * To be asked for a sink before it takes anything. A position past where the log ended at the start tells that the log's folder is
   * an older copy: its numbers are being given a second time. Then the whole log gets another id before this resolves, and is read
   * from its beginning as any other log: rows that a sink holds already are the same rows, and new ones win.
   * @throws SluiceError if the new id cannot be made durable.
   */
  async admit(group: string, position: Position | undefined): Promise<void> {
    if (this.#admitted.has(group)) return
    if (position?.log === this.id && position.next > this.#startNext) {
      await this.#renew(
        `the log ended at ${this.#startNext}, and ${group} has taken it up to ${position.next}: its folder is an older copy`,
      )
    }
    this.#admitted.add(group)
  }

  commit(changes: Changes): Promise<Durable> {
    if (this.#end) return Promise.reject(this.#end)
    const { promise, resolve, reject } = Promise.withResolvers<Durable>()
    this.#waiting.push({ resolve, reject })
    const shared = changes.readings && this.#share(changes.readings)
    this.#thread.post({
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
    const before = this.#streams.get(group)
    if (before !== undefined && before !== stream) {
      // Its bound would pass rows of the one when the other is acknowledged.
      throw new SluiceError('internal', `group ${group} reads ${before} and cannot read ${stream} too`)
    }
    this.#streams.set(group, stream)
    const onDamage = (damage: Damage) => this.noteDamage(damage)
    const place = { storage: this.#storage, folder: this.#folder, log: this.id, tail: this.tail, onDamage }
    const either = AbortSignal.any([signal, this.#ended.signal])
    return readStream(place, stream, options, (next) => this.acknowledge(group, next), either)
  }

  /** A reader has come upon damage, here or in another process. */
  noteDamage(damage: Damage): void {
    const place = `${damage.file}@${damage.offset}`
    if (this.#damage.has(place) || this.#damage.size >= maxDamage) return
    this.#damage.add(place)
    this.#onDamage?.(damage)
  }

  /** Moves a group's bound: its sink holds everything below `next`. For readers that run in another process. */
  acknowledge(group: string, next: number): void {
    const before = this.#bounds.get(group)
    // A group that is not configured holds nothing back, or it would for ever.
    if (before === undefined || next <= before) return
    const bound = this.#bound()
    this.#bounds.set(group, next)
    const after = this.#bound()
    if (after !== bound) this.#tellBound()
  }

  /**
   * A group that comes while the log is open: from here on nothing from `next` on is removed before its sink holds it. What retention has
   * removed already is gone.
   */
  hold(group: string, next: number): void {
    this.#bounds.set(group, next)
    this.#tellBound()
  }

  /** The group is no more: it holds nothing back, and may come again. */
  release(group: string): void {
    if (!this.#bounds.delete(group)) return
    this.#admitted.delete(group)
    this.#streams.delete(group)
    this.#tellBound()
  }

  /** How far the log is durable, for readers. */
  readonly tail: Tail = {
    watermark: () => this.#watermark,
    beyond: (next, signal) => {
      if (this.#watermark.next > next || signal.aborted) return Promise.resolve()
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
      rows: this.#watermark.rows, // as new as what readers are given: no sink's books are ahead of it
      damagedPlaces: this.#damage.size,
      newRenewals: status.renewals - this.#startRenewals,
      first: BigInt(first),
      next: BigInt(this.#watermark.next),
      state: this.#end ? 'closed' : status.state,
    }
  }

  /** Waits for the commits under way, then closes the files. Consumers end. */
  async close(): Promise<void> {
    if (!this.#end) {
      this.#end = new SluiceError('closed', 'the log is closed')
      this.#thread.post({ kind: 'close' })
    }
    await Promise.race([this.#closed.promise, this.died])
    await this.#thread.end()
    this.#stop(this.#end)
  }

  /** For what the log thread has sent. */
  receive(message: FromThread): void {
    if (message.kind === 'durable') {
      this.#watermark = message.watermark
      const durable = mintDurable({ log: this.id, partition: 0, next: BigInt(message.watermark.next) })
      for (const { resolve } of this.#take(message.commits)) resolve(durable)
      for (const wake of [...this.#tailWaiters]) wake()
    } else if (message.kind === 'failed') this.#fail(message)
    else if (message.kind === 'status') {
      this.#status = message.status
      this.#watermark = message.watermark
    } else if (message.kind === 'renewed') {
      this.#status = message.status
      this.#watermark = message.watermark
      this.#startAnew(message.id)
    } else if (message.kind === 'not-renewed') {
      this.#renewal?.reject(new SluiceError(message.code, `the log got no new id: ${message.message}`))
      this.#renewal = undefined
    } else if (message.kind === 'closed') this.#closed.resolve()
  }

  /**
   * All that was sent before this was known fails too. It is refused now, not when its own answer comes: the books of the next commit,
   * which may be durable and the last, must not count it.
   */
  #fail({ commits, epoch, code, message, state }: Extract<FromThread, { kind: 'failed' }>): void {
    this.#status = { ...this.#status, state }
    if (this.#refusedEarly > 0) {
      this.#refusedEarly -= commits
      return
    }
    this.#epoch = epoch
    const refused = this.#take(this.#waiting.length)
    this.#refusedEarly = refused.length - commits
    for (const { reject } of refused) reject(new SluiceError(code, message))
  }

  #renew(reason: string): Promise<void> {
    if (this.#end) return Promise.reject(this.#end)
    if (this.#renewal === undefined) {
      this.#renewal = { ...Promise.withResolvers<void>(), reason }
      this.#thread.post({ kind: 'renew' })
    }
    return this.#renewal.promise
  }

  #startAnew(id: string): void {
    const [before, renewal] = [this.#renewed, this.#renewal]
    this.#id = id
    this.#renewed = new AbortController()
    this.#renewal = undefined
    // Every sink reads everything again: nothing may be removed under it.
    for (const group of this.#bounds.keys()) this.#bounds.set(group, 0)
    if (this.#bounds.size > 0) this.#tellBound()
    before.abort(
      new SluiceError('log-behind', `${renewal?.reason}. It is log ${id} now, and every sink reads it anew`),
    )
    renewal?.resolve()
  }

  /** The oldest commits not answered yet. */
  #take(commits: number): Waiting[] {
    return this.#waiting.splice(0, commits)
  }

  /** Nothing more can be committed or read. */
  #stop(error: SluiceError): void {
    this.#end ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
    this.#renewal?.reject(error)
    this.#ended.abort()
  }

  #bound(): number {
    return Math.min(Number.MAX_SAFE_INTEGER, ...this.#bounds.values())
  }

  #tellBound(): void {
    if (!this.#end) this.#thread.post({ kind: 'bound', bound: this.#bound() })
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
      this.#thread.post({
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
