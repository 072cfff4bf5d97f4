import { type ChildProcess, fork } from 'node:child_process'
import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import type { DeadLetter, Intake } from '../../core/intake.ts'
import type { Position } from '../../core/position.ts'
import type { Store } from '../../core/store.ts'
import { systemClock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { EmbeddedLog } from '../../log/embedded/log.ts'
import { type PipelineStatus, startingStatus } from '../pipeline/runner.ts'
import { toldStatus } from '../pipeline/told-status.ts'
import {
  aliveEveryMs,
  type CopyMethod,
  type FromStore,
  type PipelineStart,
  type StoreMethod,
  type StoreStart,
  type ToStore,
} from './protocol.ts'
import { StoreReplays } from './store-replays.ts'
import { CopiedScans, type CopySource } from './copied-scans.ts'

/**
 * The engine allocates from many threads: glibc would give each an arena, and keep in it what was freed. With these two
 * arenas and what is larger than 256 KiB mapped by itself, memory that is freed goes back.
 */
const fewArenas = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '262144',
  MALLOC_TRIM_THRESHOLD_: '131072',
}

/** The part of `Store` that is asked from here; writing happens in the store's own process. */
export type StoreQueries = Pick<Store, StoreMethod>

export interface StoreProcessOptions {
  readonly name: string
  readonly type: string
  readonly options: unknown
  readonly dataFolder: string
  readonly logFolder: string
  readonly pipelines: readonly PipelineStart[]
  /** Stores that this one can be given copies of. */
  sourceOf(store: string): CopySource | undefined
  /** Told of every start, failure and end of the process. */
  onEvent(level: 'info' | 'warn' | 'error', message: string, error?: { code: string; message: string }): void
  /** Told of every status that a pipeline sends, beside the one before it. */
  onStatus(status: PipelineStatus, before: PipelineStatus | undefined): void
}

interface Call {
  resolve(result: { value: unknown; done: boolean }): void
  reject(error: Error): void
}

/** How long a query waits for a store that opens for the first time. */
const openPatienceMs = 5_000
/**
 * So many times `aliveEveryMs` without a word, and the process hangs: queries are refused and an alarm tells. It is not ended for that. Its own
 * longest work between two waits takes about a second (a snapshot of a million series); a disk that stands still can hold it longer, and
 * would hold a new process as well.
 */
const silentBeats = 10
const firstRestartMs = 200
const lastRestartMs = 10_000

/**
 * Keeps an embedded store's process running and speaks with it: hands it the log's tail, keeps its dead letters, passes queries on.
 * If the process dies, calls under way fail with `store-down` and it is started again; the log keeps the rows meanwhile.
 */
export class StoreProcess {
  readonly name: string
  readonly #options: StoreProcessOptions
  readonly #log: EmbeddedLog
  readonly #intake: Intake
  readonly replays = new StoreReplays((message) => this.#send(message))
  readonly #scans: CopiedScans
  readonly #calls = new Map<number, Call>()
  readonly #statuses = new Map<string, PipelineStatus>()
  readonly #stopping = new AbortController()
  /** Aborts when the store has opened for the first time, or has failed to. */
  readonly #opening = new AbortController()
  #child: ChildProcess | undefined
  #isReady = false
  #error: string | undefined
  /** Beats since the process was last heard of: counted, not timed, so that a standstill of our own is not taken for its. */
  #unheard = 0
  #nextCall = 0
  #restarts = 0
  #running: Promise<void> | undefined

  constructor(log: EmbeddedLog, intake: Intake, options: StoreProcessOptions) {
    this.name = options.name
    this.#options = options
    this.#log = log
    this.#intake = intake
    this.#scans = new CopiedScans((store) => options.sourceOf(store))
    for (const { stream } of options.pipelines)
      this.#statuses.set(stream, startingStatus(options.name, stream))
  }

  start(): void {
    this.#running = this.#keepRunning()
  }

  get status(): {
    ready: boolean
    error: string | undefined
    restarts: number
    pid: number | undefined
    pipelines: PipelineStatus[]
  } {
    const error = this.#isSilent ? this.#silence : this.#error
    const all = [...this.#statuses.values()]
    return {
      ready: this.#isReady && !this.#isSilent,
      error,
      restarts: this.#restarts,
      pid: this.#child?.pid,
      // What they last said no longer holds.
      pipelines: error === undefined ? all : all.map((status) => ({ ...status, state: 'down', error })),
    }
  }

  get #isSilent(): boolean {
    return this.#unheard >= silentBeats
  }

  get #silence(): string {
    return `its process (pid ${this.#child?.pid}) has said nothing for ${(silentBeats * aliveEveryMs) / 1000} s: it hangs`
  }

  readonly queries: StoreQueries = {
    range: (query, signal) => this.#stream('range', [query], signal),
    buckets: (query, signal) => this.#stream('buckets', [query], signal),
    latest: (device, limit, signal) => this.#ask('latest', [device, limit], signal),
    devices: (query, signal) => this.#ask('devices', [query], signal),
    series: (device, after, limit, signal) => this.#ask('series', [device, after, limit], signal),
    documents: (query, signal) => this.#ask('documents', [query], signal),
    documentBytes: (stream, signal) => this.#ask('documentBytes', [stream], signal),
    count: (signal) => this.#ask('count', [], signal),
    state: (log, partition) => this.#ask('state', [log, partition], this.#stopping.signal),
    export: (query, format, path, signal) => this.#ask('export', [query, format, path], signal),
  }

  /** What copies of it are made of. */
  readonly copies: CopySource = {
    parts: (signal) => this.#ask('parts', [], signal),
    scan: (part, from, signal) => this.#stream('scan', [part, from], signal),
  }

  /** Resolves when the store has applied everything of the stream before the position; what it was heard to have applied, at once, also while it is away. */
  passed(stream: string, position: Position, signal: AbortSignal): Promise<void> {
    const known = this.#statuses.get(stream)?.position
    if (known?.log === position.log && known.next >= position.next) return Promise.resolve()
    return this.#ask('passed', [stream, position], signal)
  }

  /** Lets the write under way finish, closes the store and waits for the process to end. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#opening.abort()
    this.#send({ kind: 'stop' })
    await this.#running
  }

  /** Ends the process at once; for a second SIGTERM. */
  kill(): void {
    this.#stopping.abort()
    this.#child?.kill('SIGKILL')
  }

  async #keepRunning(): Promise<void> {
    let failures = 0
    while (!this.#stopping.signal.aborted) {
      const started = systemClock.monotonicMs()
      const reason = await this.#runOnce()
      if (this.#stopping.signal.aborted) return
      failures = systemClock.monotonicMs() - started > 60_000 ? 1 : failures + 1
      this.#restarts++
      this.#error = reason
      this.#opening.abort()
      const ms = Math.min(lastRestartMs, firstRestartMs * 2 ** (failures - 1))
      this.#options.onEvent('error', `store ${this.name}: ${reason}; starting again in ${ms} ms`)
      await wait(ms, this.#stopping.signal)
    }
  }

  /** Runs the process until it ends; returns why it did. */
  #runOnce(): Promise<string> {
    const child = fork(new URL('./child.ts', import.meta.url), {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: ['--max-semi-space-size=4'],
      env: { ...process.env, ...fewArenas },
    })
    this.#child = child
    let reason: string | undefined
    child.on('message', (message: FromStore) => {
      this.#heard()
      if (message.kind === 'failed') {
        reason = message.message
        child.kill('SIGKILL')
      } else this.#receive(message)
    })
    this.#unheard = 0
    const beat = setInterval(() => this.#beat(), aliveEveryMs)
    // It closes the store in order and comes back, with the pipelines on the log's new id.
    const { renewed } = this.#log
    const onRenewed = () => {
      reason = 'the log has another id'
      this.#send({ kind: 'stop' })
    }
    renewed.addEventListener('abort', onRenewed, { once: true })
    const { name, type, options, dataFolder, logFolder: folder, pipelines } = this.#options
    const start: StoreStart = {
      kind: 'start',
      store: { type, options, place: { name, dataFolder } },
      log: { id: this.#log.id, folder, watermark: this.#log.tail.watermark() },
      pipelines,
    }
    this.#send(start)
    return new Promise((resolve) => {
      const ended = (text: string) => {
        this.#isReady = false
        this.#unheard = 0
        clearInterval(beat)
        renewed.removeEventListener('abort', onRenewed)
        if (this.#child === child) this.#child = undefined
        this.#refuseCalls('went away')
        this.#scans.endAll()
        resolve(reason ?? text)
      }
      child.once('error', (error) => ended(error.message))
      child.once('exit', (code, signal) => ended(`its process ended (${signal ?? `exit code ${code}`})`))
    })
  }

  #beat(): void {
    this.#unheard++
    if (this.#unheard !== silentBeats) return
    this.#opening.abort()
    this.#options.onEvent(
      'error',
      `store ${this.name}: ${this.#silence}; queries are refused until it answers`,
    )
    for (const id of this.#calls.keys()) this.#send({ kind: 'cancel', id })
    this.#refuseCalls('hangs')
  }

  #heard(): void {
    if (this.#isSilent) this.#options.onEvent('info', `store ${this.name}: its process answers again`)
    this.#unheard = 0
  }

  #refuseCalls(why: string): void {
    for (const call of this.#calls.values())
      call.reject(new SluiceError('store-down', `store ${this.name} ${why}`))
    this.#calls.clear()
  }

  #receive(message: Exclude<FromStore, { kind: 'failed' }>): void {
    if (message.kind === 'alive') return
    if (message.kind === 'ready') {
      this.#isReady = true
      this.#error = undefined
      this.#opening.abort()
      this.replays.startAgain()
      this.#options.onEvent('info', `store ${this.name} is open`)
    } else if (message.kind === 'warning')
      this.#options.onEvent('warn', `store ${this.name}: ${message.message}`)
    else if (message.kind === 'want') this.#supervise(this.#tellTail(message.next))
    else if (message.kind === 'ack') this.#log.acknowledge(message.group, message.next)
    else if (message.kind === 'damage') this.#log.noteDamage(message.damage)
    else if (message.kind === 'letters')
      this.#supervise(this.#answer(message.id, this.#keep(message.letters)))
    else if (message.kind === 'admit')
      this.#supervise(this.#answer(message.id, this.#log.admit(message.group, message.position)))
    else if (message.kind === 'status') this.#noteStatus(message.status)
    else if (message.kind === 'copy-next')
      this.#supervise(this.#answer(message.id, this.#scans.next(message)))
    else if (message.kind === 'copy-end') this.#scans.end(message.copy)
    else if (message.kind === 'replay-status' || message.kind === 'replayed') this.replays.receive(message)
    else this.#settle(message)
  }

  /** What runs beside a message: it should not fail, and if it does somebody must hear of it. */
  #supervise(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.onEvent('error', `store ${this.name}: ${String(error)}`))
  }

  #noteStatus(status: PipelineStatus): void {
    const before = this.#statuses.get(status.stream)
    this.#statuses.set(status.stream, status)
    this.#options.onStatus(status, before)
    const told = toldStatus(status, before)
    if (told !== undefined) this.#options.onEvent(told.level, `store ${this.name}: ${told.message}`)
  }

  async #tellTail(next: number): Promise<void> {
    await this.#log.tail.beyond(next, this.#stopping.signal)
    if (!this.#stopping.signal.aborted)
      this.#send({ kind: 'watermark', watermark: this.#log.tail.watermark() })
  }

  async #keep(letters: readonly DeadLetter[]): Promise<void> {
    for (const letter of letters) this.#intake.reject(letter)
    await this.#intake.durable()
  }

  async #answer(id: number, work: Promise<unknown>): Promise<void> {
    const answer = await work.then(
      (value) => ({ error: undefined, value }),
      (reason: unknown) => ({ error: reason instanceof Error ? reason.message : String(reason) }),
    )
    this.#send({ kind: 'done', id, ...answer })
  }

  #settle(message: Extract<FromStore, { kind: 'result' | 'error' }>): void {
    const call = this.#calls.get(message.id)
    this.#calls.delete(message.id)
    if (message.kind === 'result') call?.resolve(message)
    else call?.reject(new SluiceError(message.code satisfies ErrorCode, message.message))
  }

  async #ask<T>(
    method: StoreMethod | CopyMethod | 'passed',
    args: readonly unknown[],
    signal: AbortSignal,
  ): Promise<T> {
    const { value } = await this.#request(
      this.#nextCall++,
      (id) => ({ kind: 'call', id, method, args }),
      signal,
    )
    // The other side runs the very same method of `Store`, or `passed` above.
    return value as T
  }

  async *#stream<T>(
    method: StoreMethod | CopyMethod,
    args: readonly unknown[],
    signal: AbortSignal,
  ): AsyncGenerator<T> {
    const id = this.#nextCall++
    let result = await this.#request(id, () => ({ kind: 'call', id, method, args }), signal)
    try {
      while (!result.done) {
        yield result.value as T
        result = await this.#request(id, () => ({ kind: 'pull', id }), signal)
      }
    } finally {
      if (!result.done) this.#send({ kind: 'cancel', id })
    }
  }

  async #request(
    id: number,
    message: (id: number) => ToStore,
    signal: AbortSignal,
  ): Promise<{ value: unknown; done: boolean }> {
    if (!this.#opening.signal.aborted)
      await wait(openPatienceMs, AbortSignal.any([signal, this.#opening.signal]))
    const { ready, error } = this.status
    if (!ready)
      throw new SluiceError('store-down', `store ${this.name} is not open: ${error ?? 'it is starting'}`)
    signal.throwIfAborted()
    return await new Promise((resolve, reject) => {
      const cancel = () => {
        this.#calls.delete(id)
        this.#send({ kind: 'cancel', id })
        reject(signal.reason instanceof Error ? signal.reason : new SluiceError('closed', 'cancelled'))
      }
      const settled = () => signal.removeEventListener('abort', cancel)
      signal.addEventListener('abort', cancel, { once: true })
      this.#calls.set(id, {
        resolve: (result) => {
          settled()
          resolve(result)
        },
        reject: (error) => {
          settled()
          reject(error)
        },
      })
      this.#send(message(id))
    })
  }

  #send(message: ToStore): void {
    if (this.#child?.connected) this.#child.send(message)
  }
}
