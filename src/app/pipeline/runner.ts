import type { Batch } from '../../core/batch.ts'
import type { ConsumeOptions, Delivery, Passed } from '../../core/log.ts'
import type { Position } from '../../core/position.ts'
import type { Processor } from '../../core/processor.ts'
import {
  noBooks,
  type Refusal,
  type Sink,
  type SinkBooks,
  SinkFailure,
  type SinkState,
  type SinkWrite,
  type Written,
} from '../../core/sink.ts'
import type { Clock } from '../../lib/clock.ts'
import { wait } from '../../lib/wait.ts'
import type { Letters } from './letters.ts'
import { type BatchWrite, letterOf, letterWrite, sliceWrite } from './split.ts'

export interface PipelineParts {
  readonly name: string
  readonly log: string
  readonly stream: string
  /** Asked before anything is read, with where the sink stands: resolves once the log is sure that it is the one the position speaks of. */
  admit(position: Position | undefined): Promise<void>
  consume(options: ConsumeOptions, signal: AbortSignal): AsyncIterable<Delivery>
  /** What the sink is handed for what the log holds, without what is not for it; the same unless given. */
  readonly read?: ((batch: Batch) => Promise<Batch>) | undefined
  readonly processors: readonly Processor[]
  readonly sink: Sink
  readonly letters: Letters
  readonly clock: Clock
  readonly maxRows: number
  readonly lingerMs: number
  readonly restMs?: number | undefined
  /** How often the sink keeps how far it has come where only rows of other streams go by; undefined: once a minute. A start goes through the log from there. */
  readonly keepEveryMs?: number | undefined
  /** Where a sink begins that has taken nothing yet: that of a replay. Rows that the log lost before that are none of its business. Undefined: with what the log holds. */
  readonly start?: Position | undefined
  /** Told whenever something worth showing has changed. */
  onStatus(status: PipelineStatus): void
}

export interface PipelineStatus {
  readonly name: string
  readonly stream: string
  /** `down`: the sink itself is broken; it is tried again, ever more slowly, and nothing is dead-lettered. */
  readonly state: 'starting' | 'running' | 'retrying' | 'down' | 'stopped'
  readonly error: string | undefined
  readonly books: SinkBooks
  readonly position: Position | undefined
  /** Rows of the stream that lie behind the position: the backlog is the log's count less this. */
  readonly passed: number
  readonly retries: number
  /** Attempts that have failed since the last one that worked. */
  readonly failures: number
  /** Receipt-free measure of speed: milliseconds that the last write took, and its rows. */
  readonly lastWriteMs: number
  readonly lastRows: number
}

/** Of a pipeline that has not been heard of yet. */
export function startingStatus(name: string, stream: string): PipelineStatus {
  return {
    name,
    stream,
    state: 'starting',
    error: undefined,
    books: noBooks,
    position: undefined,
    passed: 0,
    retries: 0,
    failures: 0,
    lastWriteMs: 0,
    lastRows: 0,
  }
}

const well = { state: 'running', error: undefined, failures: 0 } as const
const firstRetryMs = 100
const lastRetryMs = 10_000
const minuteMs = 60_000

/**
 * Runs one pipeline until the signal aborts or the log says that there is nothing more: log → processors → sink. It owns the loops, the retries, the bisection, the dead letters
 * and the books; a sink makes one attempt per call. Whatever fails, it goes on from the position that the sink itself
 * tells, so a write whose answer was lost is neither repeated nor skipped.
 */
export async function runPipeline(parts: PipelineParts, signal: AbortSignal): Promise<void> {
  await new Runner(parts, signal).run()
}

class Runner {
  readonly #parts: PipelineParts
  readonly #signal: AbortSignal
  #status: PipelineStatus
  /** A write has failed and none has worked since: that the sink can be asked where it stands does not make it well. */
  #isOwed = false
  #keptMs = -Infinity

  constructor(parts: PipelineParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.#status = startingStatus(parts.name, parts.stream)
  }

  async run(): Promise<void> {
    while (!this.#signal.aborted) {
      let isOpen = false
      try {
        const state = await this.#parts.sink.state(this.#parts.log, 0)
        await this.#parts.admit(state?.position)
        if (this.#signal.aborted) break
        // Until the first delivery says better: the sink was handed everything that lies behind it.
        const passed = Math.max(this.#status.passed, state?.books.handed ?? 0)
        isOpen = true
        this.#update({ ...state, passed, ...(this.#isOwed ? {} : well) })
        await this.#consume(state)
        break // aborted, or `consume` came to an end of its own: there is nothing more
      } catch (error) {
        this.#isOwed ||= isOpen
        if (!this.#signal.aborted) await this.#backOff(error)
      }
    }
    this.#update({ state: 'stopped' })
  }

  async #consume(state: SinkState | undefined): Promise<void> {
    const { consume, maxRows, lingerMs, restMs, read, start: first } = this.#parts
    const onPassed = (passed: Passed) => this.#pass(passed)
    const taken = first === undefined ? (state?.books.handed ?? 0) : undefined
    const options = { from: state?.position ?? first, taken, maxRows, lingerMs, restMs, onPassed }
    for await (const delivery of consume(options, this.#signal)) {
      const batch = this.#process(read === undefined ? delivery.batch : await read(delivery.batch))
      const rows = delivery.batch.kind === 'edit' ? 0 : delivery.batch.length
      const filtered = delivery.batch.kind === 'edit' ? 0 : rows - batch.length
      const { damaged, expired, from, to } = delivery
      const terms = { handed: rows + damaged + expired, filtered, deadLettered: 0, expired, damaged }
      // The first write of a pipeline begins where the sink stands, whatever lies in between.
      const start = this.#status.position ?? from
      const started = this.#parts.clock.monotonicMs()
      await this.#write({ batch, handedOver: delivery.batch, from: start, to, terms })
      this.#update({
        passed: delivery.running + rows,
        lastWriteMs: this.#parts.clock.monotonicMs() - started,
        lastRows: rows,
      })
      delivery.ack()
      if (this.#signal.aborted) return
    }
  }

  async #pass({ position: to, running, damaged, expired }: Passed): Promise<void> {
    const { clock, sink, keepEveryMs = minuteMs } = this.#parts
    const from = this.#status.position ?? this.#parts.start ?? { ...to, next: 0n }
    const passed = running ?? this.#status.passed
    const ms = clock.monotonicMs()
    const lost = damaged + expired
    // What is lost is told at once: there may be no row for a long time.
    const isDue = lost > 0 || (to.next > from.next && ms - this.#keptMs >= keepEveryMs)
    if (isDue && !this.#signal.aborted) {
      const terms = { handed: lost, filtered: 0, deadLettered: 0, expired, damaged }
      const write = { batch: undefined, from, to, terms }
      this.#done(write, await sink.write(write, this.#signal))
      // Not before: a sink that has failed at it is tried again soon, or it would be called down for a minute after it is well.
      this.#keptMs = ms
    }
    if (isDue || passed !== this.#status.passed) this.#update({ passed })
  }

  #process(batch: Batch): Batch {
    if (batch.kind !== 'readings') return batch
    let readings = batch
    for (const processor of this.#parts.processors) readings = processor.process(readings)
    return readings
  }

  /** Writes everything of the batch that the sink takes; what it refuses becomes dead letters. */
  async #write(write: BatchWrite): Promise<void> {
    if (write.batch.length === 0)
      return this.#done(write, await this.#parts.sink.write({ ...write, batch: undefined }, this.#signal))
    let written: Written
    try {
      written = await this.#parts.sink.write(write, this.#signal)
    } catch (error) {
      if (!(error instanceof SinkFailure) || error.kind !== 'rows') throw error
      await this.#bisect(write, error)
      return
    }
    if (written.refused.length === 0) return this.#done(write, written)
    if (written.refused.length === write.batch.length && write.batch.length > 1) {
      throw new SinkFailure('stop', 'store-refused', `every row was refused: ${written.refused[0]?.reason}`)
    }
    await this.#around(write, written.refused)
  }

  /** The sink names the refused rows: write what lies between them. */
  async #around(write: BatchWrite, refused: readonly Refusal[]): Promise<void> {
    let from = 0
    for (const refusal of refused.toSorted((a, b) => a.index - b.index)) {
      if (refusal.index > from) await this.#write(sliceWrite(write, from, refusal.index))
      await this.#bury(sliceWrite(write, refusal.index, refusal.index + 1), refusal)
      from = refusal.index + 1
    }
    if (from < write.batch.length) await this.#write(sliceWrite(write, from, write.batch.length))
  }

  /** The sink cannot say which row is at fault: halve until the bad ones stand alone. */
  async #bisect(write: BatchWrite, failure: SinkFailure): Promise<void> {
    const { length } = write.batch
    if (length === 1) return this.#bury(write, { code: failure.code, reason: failure.message })
    const middle = length >>> 1
    await this.#write(sliceWrite(write, 0, middle))
    await this.#write(sliceWrite(write, middle, length))
  }

  async #bury(write: BatchWrite, refusal: Pick<Refusal, 'code' | 'reason'>): Promise<void> {
    await this.#parts.letters.put([letterOf(this.#parts.name, write, 0, refusal)])
    const past = letterWrite(write)
    this.#done(past, await this.#parts.sink.write(past, this.#signal))
  }

  #done(write: SinkWrite, written: Written): void {
    const { books } = this.#status
    this.#isOwed = false
    this.#status = {
      ...this.#status,
      ...well,
      position: write.to,
      books: {
        handed: books.handed + write.terms.handed,
        stored: books.stored + written.stored,
        repeated: books.repeated + written.repeated,
        overwritten: books.overwritten + written.overwritten,
        filtered: books.filtered + write.terms.filtered,
        deadLettered: books.deadLettered + write.terms.deadLettered,
        expired: books.expired + write.terms.expired,
        damaged: books.damaged + write.terms.damaged,
      },
    }
  }

  async #backOff(error: unknown): Promise<void> {
    const isDown = error instanceof SinkFailure && error.kind === 'stop'
    const failures = this.#status.failures + 1
    const ms = Math.min(lastRetryMs, firstRetryMs * 2 ** Math.min(failures, 10)) * (0.75 + Math.random() / 2)
    this.#update({
      state: isDown ? 'down' : 'retrying',
      error: error instanceof Error ? error.message : String(error),
      retries: this.#status.retries + 1,
      failures,
    })
    await wait(ms, this.#signal)
  }

  #update(change: Partial<PipelineStatus>): void {
    this.#status = { ...this.#status, ...change }
    this.#parts.onStatus(this.#status)
  }
}
