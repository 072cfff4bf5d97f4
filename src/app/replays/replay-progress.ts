import type { ReplayState, ReplayStatus } from '../../core/replay.ts'
import { noBooks, type SinkBooks } from '../../core/sink.ts'
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
  /** By the index of the part. */
  readonly #heard = new Map<number, PipelineStatus>()
  /** The part heard of last: one after the other is done. */
  #current = -1
  #samples: Sample[] = []

  constructor(record: ReplayRecord, clock: Clock) {
    this.#record = record
    this.#clock = clock
  }

  heard(status: PipelineStatus, part: number): void {
    this.#heard.set(part, status)
    this.#current = part
    const ms = this.#clock.monotonicMs()
    if (ms - (this.#samples.at(-1)?.ms ?? -Infinity) < minSampleMs) return
    this.#samples.push({ ms, rows: this.rows, numbers: this.#numbers })
    this.#samples = this.#samples.filter((sample) => ms - sample.ms <= windowMs)
  }

  /** Why the sink takes nothing now, as its pipeline says. */
  get error(): string | undefined {
    return this.#heard.get(this.#current)?.error
  }

  get rows(): number {
    return this.parts.reduce((sum, { books }) => sum + books.handed, 0)
  }

  /** Those before the one heard of last have come to their end. */
  get parts(): { readonly position: bigint; readonly books: SinkBooks }[] {
    return this.#record.parts.map(({ from, until }, i) => {
      const { position, books = noBooks } = this.#heard.get(i) ?? {}
      return { position: i < this.#current ? until : (position?.next ?? from), books }
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

  /** Numbers that have been passed, over all parts, by their weight. */
  get #numbers(): number {
    const { parts } = this.#record
    const passed = this.parts.map(({ position }, i) => weighed(parts[i], (part) => position - part.from))
    return passed.reduce((sum, numbers) => sum + numbers, 0)
  }

  get #total(): number {
    return this.#record.parts.reduce((sum, part) => sum + weighed(part, ({ from, until }) => until - from), 0)
  }
}

type Part = ReplayRecord['parts'][number]

/** Most of a log are readings: what there is of other streams, and edits, is passed so much faster. */
const restWeight = 0.01

function weighed(part: Part | undefined, numbers: (part: Part) => bigint): number {
  if (part === undefined) return 0
  const isReadings = part.stream === 'readings' && part.kind !== 'edits'
  return Number(numbers(part)) * (isReadings ? 1 : restWeight)
}

/** A replay as it is shown; `sinkError` is why its sink as a whole takes nothing. */
export function statusOf(
  name: string,
  record: ReplayRecord,
  progress: ReplayProgress,
  sinkError: string | undefined,
  note: string | undefined,
): ReplayStatus {
  const { sink, fromStore, rate, started, principal, end } = record
  const [first] = record.parts
  const bounds =
    fromStore === undefined ? { from: first?.from, to: first?.until } : { from: undefined, to: undefined }
  const shown = { name, sink, fromStore, note, ...bounds, rate, started, principal }
  const named = (parts: readonly { readonly position: bigint; readonly books: SinkBooks }[]) =>
    record.parts.map(({ kind, log, stream, from }, i) => ({
      stream: kind === 'edits' ? kind : stream,
      log,
      ...(parts[i] ?? { position: from, books: noBooks }),
    }))
  if (end !== undefined) {
    const { state, error, at } = end
    const parts = named(end.parts)
    const rows = parts.reduce((sum, { books }) => sum + books.handed, 0)
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
      parts,
    }
  }
  const error = sinkError ?? progress.error
  const state: ReplayState = error === undefined ? 'running' : 'waiting'
  const { rows, speed, done } = progress
  const parts = named(progress.parts)
  const { rows: rowsPerSecond, secondsLeft } =
    error === undefined ? speed : { rows: 0, secondsLeft: undefined }
  return { ...shown, state, error, ended: undefined, rows, rowsPerSecond, secondsLeft, done, parts }
}
