import type { ReplayState, ReplayStatus, ReplayStreamStatus } from '../../core/replay.ts'
import { noBooks } from '../../core/sink.ts'
import type { Clock } from '../../lib/clock.ts'
import type { PipelineStatus } from '../pipeline/runner.ts'
import type { ReplayRecord } from './replay-record.ts'

interface Sample {
  readonly ms: number
  readonly rows: number
  readonly numbers: number
}

/** Speed is that of the last seconds. */
const windowMs = 15_000
const minSampleMs = 500

/** What is known of a replay while it runs. */
export class ReplayProgress {
  readonly #record: ReplayRecord
  readonly #clock: Clock
  readonly #heard = new Map<string, PipelineStatus>()
  #last: PipelineStatus | undefined
  #samples: Sample[] = []

  constructor(record: ReplayRecord, clock: Clock) {
    this.#record = record
    this.#clock = clock
  }

  heard(status: PipelineStatus): void {
    this.#heard.set(status.stream, status)
    this.#last = status
    const ms = this.#clock.monotonicMs()
    if (ms - (this.#samples.at(-1)?.ms ?? -Infinity) < minSampleMs) return
    this.#samples.push({ ms, rows: this.rows, numbers: this.#numbers })
    this.#samples = this.#samples.filter((sample) => ms - sample.ms <= windowMs)
  }

  /** Why the sink takes nothing now, as its pipeline says. */
  get error(): string | undefined {
    return this.#last?.error
  }

  get rows(): number {
    return this.streams.reduce((sum, { books }) => sum + books.handed, 0)
  }

  /** One stream after the other is done: those before the one heard of last have come to their end. */
  get streams(): ReplayStreamStatus[] {
    const { from, until, streams } = this.#record
    const current = this.#last === undefined ? -1 : streams.indexOf(this.#last.stream)
    return streams.map((stream, i) => {
      const { position, books = noBooks } = this.#heard.get(stream) ?? {}
      return { stream, position: i < current ? until : (position?.next ?? from), books }
    })
  }

  /** Rows a second, and seconds until the end at the pace of the last ones. */
  get speed(): { readonly rows: number; readonly secondsLeft: number | undefined } {
    const [first] = this.#samples
    const seconds = first === undefined ? 0 : (this.#clock.monotonicMs() - first.ms) / 1000
    if (first === undefined || seconds < minSampleMs / 1000) return { rows: 0, secondsLeft: undefined }
    const numbers = (this.#numbers - first.numbers) / seconds
    const left = this.#total - this.#numbers
    return {
      rows: (this.rows - first.rows) / seconds,
      secondsLeft: numbers > 0 ? left / numbers : undefined,
    }
  }

  get done(): number {
    return this.#total === 0 ? 1 : this.#numbers / this.#total
  }

  get #numbers(): number {
    const { from } = this.#record
    return this.streams.reduce((sum, { position }) => sum + Number(position - from), 0)
  }

  get #total(): number {
    const { from, until, streams } = this.#record
    return Number(until - from) * streams.length
  }
}

/** A replay as it is shown; `error` is why its sink as a whole takes nothing. */
export function statusOf(
  name: string,
  record: ReplayRecord,
  progress: ReplayProgress,
  sinkError: string | undefined,
  note: string | undefined,
): ReplayStatus {
  const { sink, from, until, rate, started, principal, end } = record
  const shown = { name, sink, note, from, to: until, rate, started, principal }
  if (end !== undefined) {
    const { state, error, at, streams } = end
    const rows = streams.reduce((sum, { books }) => sum + books.handed, 0)
    const speed = at > started ? rows / ((at - started) / 1e6) : 0
    const done = state === 'done' ? 1 : progress.done
    return {
      ...shown,
      state,
      error,
      ended: at,
      rows,
      rowsPerSecond: speed,
      secondsLeft: undefined,
      done,
      streams,
    }
  }
  const error = sinkError ?? progress.error
  const state: ReplayState = error === undefined ? 'running' : 'waiting'
  const { rows, speed, streams, done } = progress
  const { rows: rowsPerSecond, secondsLeft } =
    error === undefined ? speed : { rows: 0, secondsLeft: undefined }
  return { ...shown, state, error, ended: undefined, rows, rowsPerSecond, secondsLeft, done, streams }
}
