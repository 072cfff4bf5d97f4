import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import type { Changes, NewReadings } from '../../core/log.ts'
import type { FromThread, SharedColumns, SharedReadings, ThreadStatus, ToThread } from './messages.ts'
import type { LogWriter } from './writer.ts'

type LaidColumns = Omit<NewReadings, 'length' | 'text' | 'extra'>

/**
 * What the log thread does with its messages, without the thread: a simulation calls it from its own loop.
 *
 * Commits are answered in the order they came. Once one fails, those sent before its sender could know fail with it: they may need
 * series names that the failed one took with it.
 */
export class LogServer {
  readonly #writer: LogWriter
  readonly #send: (message: FromThread) => void
  readonly #columns = new Map<number, LaidColumns>()
  #bound: number | undefined
  #epoch = 0
  /** Why the epoch has moved last. */
  #lastFailure: ErrorCode = 'internal'
  #staged = 0

  constructor(writer: LogWriter, send: (message: FromThread) => void) {
    this.#writer = writer
    this.#send = send
    writer.check(undefined)
    send({
      kind: 'opened',
      id: writer.id,
      names: [...writer.dictionary.entries()],
      series: writer.dictionary.size,
      books: writer.books,
      watermark: writer.watermark,
      status: this.#status(),
    })
  }

  /** Handles everything that has come: one write and one sync for all its commits. False once the log is closed. */
  handle(messages: Iterable<ToThread>): boolean {
    let isClosing = false
    for (const message of messages) {
      if (message.kind === 'columns') this.#columns.set(message.id, lay(message))
      else if (message.kind === 'bound') this.#bound = message.bound
      else if (message.kind === 'renew') this.#renew()
      else if (message.kind === 'close') isClosing = true
      else if (message.epoch < this.#epoch)
        this.#fail(1, this.#lastFailure, 'a commit before this one failed')
      else this.#stage(message.changes, message.shared)
    }
    this.#flush()
    if (isClosing) {
      this.#writer.close()
      this.#send({ kind: 'closed' })
    }
    return !isClosing
  }

  /** To be called about every half second. */
  check(): void {
    this.#writer.check(this.#bound)
    this.#send({ kind: 'status', status: this.#status(), watermark: this.#writer.watermark })
  }

  /** Commits that came before are of the old id. */
  #renew(): void {
    this.#flush()
    try {
      this.#writer.renew()
    } catch (error) {
      this.#send({ kind: 'not-renewed', code: codeOf(error), message: messageOf(error) })
      return
    }
    const { id, watermark } = this.#writer
    this.#send({ kind: 'renewed', id, status: this.#status(), watermark })
  }

  #stage(changes: Changes, shared: SharedReadings | undefined): void {
    try {
      this.#writer.append(this.#withReadings(changes, shared))
      this.#staged++
    } catch (error) {
      // This commit can never be written; those before it can.
      this.#flush()
      this.#fail(1, codeOf(error), messageOf(error), true)
    }
  }

  #flush(): void {
    const commits = this.#staged
    if (commits === 0) return
    this.#staged = 0
    try {
      this.#writer.flush(this.#bound)
    } catch (error) {
      this.#fail(commits, codeOf(error), messageOf(error), true)
      return
    }
    this.#send({ kind: 'durable', commits, watermark: this.#writer.watermark })
  }

  #fail(commits: number, code: ErrorCode, message: string, isNew = false): void {
    if (isNew) {
      this.#epoch++
      this.#lastFailure = code
    }
    const { state } = this.#writer
    this.#send({ kind: 'failed', commits, epoch: this.#epoch, code, message, state })
  }

  #withReadings(changes: Changes, shared: SharedReadings | undefined): Changes {
    if (!shared) return changes
    const laid = this.#columns.get(shared.columns)
    if (!laid) throw new Error(`columns ${shared.columns} were never sent`)
    return {
      ...changes,
      readings: { ...laid, length: shared.length, text: shared.text, extra: shared.extra },
    }
  }

  #status(): ThreadStatus {
    const { bytes, segments, first, rows, commits, syncs, damagedFrames, tornTails, renewals, state } =
      this.#writer
    return {
      bytes,
      segments,
      first,
      rows: Object.fromEntries(rows),
      commits,
      syncs,
      damagedFrames,
      tornTails,
      renewals,
      state,
    }
  }
}

function lay({ buffer, capacity, time, value, series, quality, flags }: SharedColumns): LaidColumns {
  return {
    time: new Float64Array(buffer, time, capacity),
    value: new Float64Array(buffer, value, capacity),
    series: new Uint32Array(buffer, series, capacity),
    quality: new Uint8Array(buffer, quality, capacity),
    flags: new Uint8Array(buffer, flags, capacity),
  }
}

export function codeOf(error: unknown): ErrorCode {
  return error instanceof SluiceError ? error.code : 'internal'
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
