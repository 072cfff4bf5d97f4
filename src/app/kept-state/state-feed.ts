import { SluiceError } from '../../core/errors.ts'
import type { Position } from '../../core/position.ts'
import { type Sink, SinkFailure, type SinkState } from '../../core/sink.ts'
import type { TextColumn } from '../../core/text-column.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Storage } from '../../lib/storage.ts'
import type { Damage } from '../../log/embedded/group-walk.ts'
import { readStream } from '../../log/embedded/reader.ts'
import { RemoteTail } from '../../log/embedded/remote-tail.ts'
import { runPipeline } from '../pipeline/runner.ts'
import type { FromState, StatePipeline, StateStart, ToState } from './protocol.ts'

/** The state file as the feed uses it. */
export interface StateStore {
  /** Every key of a stream and its value, in pieces. */
  values(stream: string): Iterable<{ readonly keys: TextColumn; readonly values: TextColumn }>
  position(stream: string, log: string, partition: number): SinkState | undefined
  sink(stream: string): Sink
  close(): void
}

export interface StateFeedParts {
  readonly start: StateStart
  readonly storage: Storage
  readonly clock: Clock
  open(): StateStore
  /** Whether what was thrown says that the file is damaged; then it is set aside, which returns its new name. */
  isDamaged(error: unknown): boolean
  setAside(): string
  /** Tells the program; the columns of a message are its own from then on. */
  send(message: FromState): void
}

const maxRows = 16_384
/** Keys that change often are written once. */
const lingerMs = 200
/** How often the position is kept while nothing is set: a start looks through the log from there. */
const keepEveryMs = 5_000

/**
 * What the state thread does, without the thread: it tells what the file and the log behind it hold, and then feeds the file from the log until
 * it is stopped.
 */
export class StateFeed {
  readonly #parts: StateFeedParts
  readonly #stopping = new AbortController()
  readonly #tail: RemoteTail
  #log: string
  /** Aborts when the log has another id. */
  #renewed = new AbortController()
  readonly #askers = new Map<number, { resolve: () => void; reject: (error: Error) => void }>()
  #nextAsk = 0

  constructor(parts: StateFeedParts) {
    this.#parts = parts
    const { log } = parts.start
    this.#log = log.id
    this.#tail = new RemoteTail(log.watermark, (next) => parts.send({ kind: 'want', next }))
  }

  receive(message: ToState): void {
    if (message.kind === 'watermark') this.#tail.moved(message.watermark)
    else if (message.kind === 'admitted') this.#settle(message.id, message.error)
    else if (message.kind === 'stop') this.#stopping.abort()
    else {
      this.#log = message.log
      const before = this.#renewed
      this.#renewed = new AbortController()
      before.abort()
    }
  }

  /** Until it is stopped. What goes wrong it has told. */
  async run(): Promise<void> {
    try {
      const opened = await this.#open()
      this.#parts.send({ kind: 'loaded' })
      await Promise.all(this.#parts.start.pipelines.map((pipeline) => this.#follow(opened, pipeline)))
      opened.close()
    } catch (error) {
      this.#parts.send({ kind: 'failed', ...told(error) })
    }
  }

  /** The file, once what it and the log behind it hold has been told. */
  async #open(): Promise<StateStore> {
    const { open, isDamaged, setAside, send } = this.#parts
    try {
      return await this.#load(open())
    } catch (error) {
      if (!isDamaged(error)) throw error
      send({ kind: 'set-aside', file: setAside(), reason: told(error).message })
      return await this.#load(open())
    }
  }

  async #load(opened: StateStore): Promise<StateStore> {
    const { pipelines } = this.#parts.start
    try {
      // All of them before the first is read: any may tell that the log is an older copy and must have another id.
      for (const { stream, group } of pipelines)
        await this.#admit(group, opened.position(stream, this.#log, 0)?.position)
      for (const { stream } of pipelines) {
        for (const { keys, values } of opened.values(stream))
          this.#parts.send({ kind: 'values', stream, keys, values })
        await this.#replay(opened, stream)
      }
      return opened
    } catch (error) {
      opened.close()
      throw error
    }
  }

  /** Tells what the log holds of a stream behind the file's position. Writing it into the file has time. */
  async #replay(opened: StateStore, stream: string): Promise<void> {
    const { log } = this.#parts.start
    const state = opened.position(stream, this.#log, 0)
    if (state === undefined && (log.rows[stream] ?? 0) === 0) return
    const until = BigInt(log.watermark.next)
    const options = { from: state?.position, maxRows, lingerMs: 0, until }
    const documents = readStream(this.#place(this.#log), stream, options, () => {}, this.#stopping.signal)
    for await (const { batch } of documents)
      if (batch.kind === 'documents')
        this.#parts.send({ kind: 'values', stream, keys: copyOf(batch.key), values: copyOf(batch.body) })
  }

  /** Keeps the file at the log's end until the feed is stopped; and anew when the log has another id. */
  async #follow(opened: StateStore, { stream, group }: StatePipeline): Promise<void> {
    const { start, clock, send } = this.#parts
    while (!this.#stopping.signal.aborted) {
      const id = this.#log
      await runPipeline(
        {
          name: start.name,
          log: id,
          stream,
          admit: (position) => this.#admit(group, position),
          consume: (options, signal) =>
            readStream(
              this.#place(id),
              stream,
              options,
              (next) => send({ kind: 'ack', group, next }),
              signal,
            ),
          processors: [],
          sink: opened.sink(stream),
          letters: {
            put: () => Promise.reject(new SluiceError('internal', 'no keyed value is ever refused')),
          },
          clock,
          maxRows,
          lingerMs,
          keepEveryMs,
          onStatus: (status) => send({ kind: 'status', status }),
        },
        AbortSignal.any([this.#stopping.signal, this.#renewed.signal]),
      )
    }
  }

  /** Resolves once the log is sure that it is the one the position speaks of; by then its id is known here. */
  #admit(group: string, position: Position | undefined): Promise<void> {
    const id = this.#nextAsk++
    return new Promise((resolve, reject) => {
      this.#askers.set(id, { resolve, reject })
      this.#parts.send({ kind: 'admit', id, group, position })
    })
  }

  #settle(id: number, error: string | undefined): void {
    const asker = this.#askers.get(id)
    this.#askers.delete(id)
    if (error === undefined) asker?.resolve()
    else asker?.reject(new SinkFailure('retry', 'busy', error))
  }

  #place(log: string) {
    const { start, storage, send } = this.#parts
    const onDamage = (damage: Damage) => send({ kind: 'damage', damage })
    return { storage, folder: start.log.folder, log, tail: this.#tail, onDamage }
  }
}

/** A batch is valid until the next one is asked for, and its columns are parts of larger memory. */
function copyOf({ offsets, bytes }: TextColumn): TextColumn {
  return { offsets: offsets.slice(), bytes: new Uint8Array(bytes) }
}

function told(error: unknown): Pick<Extract<FromState, { kind: 'failed' }>, 'code' | 'message'> {
  if (error instanceof SluiceError || error instanceof SinkFailure)
    return { code: error.code, message: error.message }
  return {
    code: 'internal',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }
}
