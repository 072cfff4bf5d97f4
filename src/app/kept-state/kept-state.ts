import { Worker } from 'node:worker_threads'
import { SluiceError } from '../../core/errors.ts'
import {
  type KeptState,
  type KeyedState,
  keyedStreams,
  messagesStream,
  stateStream,
} from '../../core/keyed-state.ts'
import { bytesAt, type TextColumn, textAt } from '../../core/text-column.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import { type PipelineStatus, startingStatus } from '../pipeline/runner.ts'
import type { FromState, StateStart, ToState } from './protocol.ts'

export interface StateOptions {
  /** Of its sinks on /status. */
  readonly name: string
  /** Groups of its pipelines, by stream: the log keeps what they have not taken. */
  readonly groupOf: (stream: string) => string
  readonly file: string
  readonly logFolder: string
  /** Told of every status that a pipeline sends, beside the one before it. */
  onStatus(status: PipelineStatus, before: PipelineStatus): void
  /** The file could not be read and goes by another name now: what it alone held is lost to this start. */
  onSetAside(file: string, reason: string): void
}

export interface OpenKeptState {
  /** What the last run had set and made durable, the end of the log included. Nobody holds it here: it goes when its users let it go. */
  readonly kept: KeptState
  /** What keeps it for the next start. */
  readonly keeper: StateKeeper
}

/**
 * Opens the state file in a thread of its own, and resolves when everything is loaded that commits had set.
 * @throws SluiceError where the file cannot be opened, `log-version` where a newer Sluice wrote it.
 */
export async function openKeptState(log: EmbeddedLog, options: StateOptions): Promise<OpenKeptState> {
  return await openKeptStateOn(startWorker, log, options)
}

/** Where the state file is kept: a thread of its own, or a simulation's loop. */
export interface StateThread {
  post(message: ToState): void
  onMessage(receive: (message: FromState) => void): void
  /** Resolves with the cause if it dies of itself, which it never should. */
  readonly died: Promise<unknown>
  readonly ended: Promise<unknown>
}

export type StartStateThread = (start: StateStart) => StateThread

function startWorker(start: StateStart): StateThread {
  const worker = new Worker(new URL('./state-thread.ts', import.meta.url), {
    workerData: start,
    // Its rows are large and live for one batch: a heap of the usual size holds 20 MB of garbage before anybody looks.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  })
  return {
    post: (message) => worker.postMessage(message),
    onMessage: (receive) => worker.on('message', receive),
    died: new Promise((resolve) => worker.once('error', resolve)),
    ended: new Promise((resolve) => worker.once('exit', resolve)),
  }
}

/** The same with that thread. */
export async function openKeptStateOn(
  thread: StartStateThread,
  log: EmbeddedLog,
  options: StateOptions,
): Promise<OpenKeptState> {
  const [state, messages] = [new FoundKeys(), new FoundKeys()]
  const found = new Map([
    [stateStream, state],
    [messagesStream, messages],
  ])
  const keeper = new StateKeeper(thread, log, options)
  await keeper.load(found)
  return { kept: { state, messages }, keeper }
}

/** What a start found under each key. */
class FoundKeys implements KeyedState {
  readonly #values = new Map<string, Uint8Array>()

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)
  }

  *entries(prefix: string): Iterable<readonly [key: string, value: Uint8Array]> {
    for (const entry of this.#values) if (entry[0].startsWith(prefix)) yield entry
  }

  take(keys: TextColumn, values: TextColumn): void {
    for (let i = 0; i < keys.offsets.length - 1; i++) {
      const value = bytesAt(values, i)
      if (value.length === 0) this.#values.delete(textAt(keys, i))
      else this.#values.set(textAt(keys, i), value)
    }
  }

  clear(): void {
    this.#values.clear()
  }
}

/** The state thread, as the main thread sees it: it answers what the thread asks of the log. */
export class StateKeeper {
  /** Resolves if the thread dies, which it never should: then nothing more is kept for the next start. */
  readonly died: Promise<Error>
  /** What the file is called now that could not be read at this start. */
  setAside: string | undefined
  readonly #log: EmbeddedLog
  readonly #options: StateOptions
  readonly #thread: StateThread
  readonly #statuses = new Map<string, PipelineStatus>()
  readonly #stopping = new AbortController()
  readonly #loaded = Promise.withResolvers<void>()
  readonly #died = Promise.withResolvers<unknown>()
  /** While it loads. */
  #found: ReadonlyMap<string, FoundKeys> | undefined

  constructor(startThread: StartStateThread, log: EmbeddedLog, options: StateOptions) {
    this.#log = log
    this.#options = options
    const { name, file, logFolder: folder, groupOf } = options
    const start: StateStart = {
      name,
      file,
      log: { id: log.id, folder, watermark: log.tail.watermark(), rows: log.status().rows },
      pipelines: keyedStreams.map((stream) => ({ stream, group: groupOf(stream) })),
    }
    for (const stream of keyedStreams) this.#statuses.set(stream, startingStatus(name, stream))
    this.#thread = startThread(start)
    this.#thread.onMessage((message) => this.#receive(message))
    this.#followRenewals()
    this.#thread.died.then(this.#died.resolve, this.#died.resolve)
    this.died = this.#died.promise.then(
      (cause) => new SluiceError('internal', 'the state thread died', cause),
    )
    this.died.then(this.#loaded.reject, () => undefined)
  }

  /** Resolves when `found` holds everything. Once. */
  async load(found: ReadonlyMap<string, FoundKeys>): Promise<void> {
    this.#found = found
    await this.#loaded.promise
    this.#found = undefined
  }

  /** Of the pipelines that feed the file. */
  get statuses(): readonly PipelineStatus[] {
    return [...this.#statuses.values()]
  }

  /** Lets the write under way finish and closes the file. What is set and not written yet stands in the log. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#send({ kind: 'stop' })
    await this.#thread.ended
  }

  #receive(message: FromState): void {
    if (message.kind === 'values') this.#found?.get(message.stream)?.take(message.keys, message.values)
    else if (message.kind === 'set-aside') {
      for (const keys of this.#found?.values() ?? []) keys.clear()
      this.setAside = message.file
      this.#options.onSetAside(message.file, message.reason)
    } else if (message.kind === 'loaded') this.#loaded.resolve()
    else if (message.kind === 'failed') this.#fail(new SluiceError(message.code, message.message))
    else if (message.kind === 'want') this.#supervise(this.#tellTail(message.next))
    else if (message.kind === 'ack') this.#log.acknowledge(message.group, message.next)
    else if (message.kind === 'damage') this.#log.noteDamage(message.damage)
    else if (message.kind === 'admit') this.#supervise(this.#admit(message))
    else this.#noteStatus(message.status)
  }

  #fail(error: SluiceError): void {
    this.#loaded.reject(error)
    this.#died.resolve(error)
  }

  /** What runs beside a message: neither of the two should ever fail, and if one does the thread is as good as dead. */
  #supervise(work: Promise<void>): void {
    work.catch(this.#died.resolve)
  }

  async #tellTail(next: number): Promise<void> {
    await this.#log.tail.beyond(next, this.#stopping.signal)
    this.#send({ kind: 'watermark', watermark: this.#log.tail.watermark() })
  }

  async #admit({ id, group, position }: Extract<FromState, { kind: 'admit' }>): Promise<void> {
    const error = await this.#log.admit(group, position).then(
      () => undefined,
      (reason: unknown) => (reason instanceof Error ? reason.message : String(reason)),
    )
    this.#send({ kind: 'admitted', id, error })
  }

  /** By the time a position is admitted the thread knows the id that the log has then. */
  #followRenewals(): void {
    const again = () => {
      this.#send({ kind: 'renewed', log: this.#log.id })
      this.#followRenewals()
    }
    this.#log.renewed.addEventListener('abort', again, { once: true, signal: this.#stopping.signal })
  }

  #noteStatus(status: PipelineStatus): void {
    const before = this.#statuses.get(status.stream) ?? startingStatus(status.name, status.stream)
    this.#statuses.set(status.stream, status)
    this.#options.onStatus(status, before)
  }

  #send(message: ToState): void {
    this.#thread.post(message)
  }
}
