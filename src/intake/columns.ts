// hot: bench/mqtt-to-log
import type { NewReadings } from '../core/log.ts'
import type { TextColumn } from '../core/text-column.ts'

/**
 * The open commit's readings, in shared memory that the log thread writes to disk as it is. `length` rows are filled.
 * A message with more rows than fit moves the columns to private memory of twice the size; those are used once.
 */
export class Columns {
  length = 0
  readonly capacity: number
  readonly series: Uint32Array
  readonly time: Float64Array
  readonly value: Float64Array
  readonly quality: Uint8Array
  readonly flags: Uint8Array
  /** False once the columns have outgrown their shared memory. */
  readonly isShared: boolean
  readonly #texts: { row: number; text: string }[] = []
  readonly #extras: { row: number; text: string }[] = []

  constructor(capacity: number, isShared: boolean) {
    const buffer = isShared ? new SharedArrayBuffer(capacity * 22) : new ArrayBuffer(capacity * 22)
    this.capacity = capacity
    this.isShared = isShared
    this.time = new Float64Array(buffer, 0, capacity)
    this.value = new Float64Array(buffer, capacity * 8, capacity)
    this.series = new Uint32Array(buffer, capacity * 16, capacity)
    this.quality = new Uint8Array(buffer, capacity * 20, capacity)
    this.flags = new Uint8Array(buffer, capacity * 21, capacity)
  }

  /** Adds a row; the caller has made sure of `length < capacity`. */
  add(series: number, time: number, value: number, quality: number, flags: number): void {
    const i = this.length++
    this.series[i] = series
    this.time[i] = time
    this.value[i] = value
    this.quality[i] = quality
    this.flags[i] = flags
  }

  /** Gives the row added last a text value. */
  text(text: string): void {
    this.#texts.push({ row: this.length - 1, text })
  }

  /** Gives the row added last its unusual members. */
  extra(json: string): void {
    this.#extras.push({ row: this.length - 1, text: json })
  }

  rollback(length: number): void {
    if (length > this.length) throw new RangeError('the mark is of rows that have left already')
    this.length = length
    while ((this.#texts.at(-1)?.row ?? -1) >= length) this.#texts.pop()
    while ((this.#extras.at(-1)?.row ?? -1) >= length) this.#extras.pop()
  }

  clear(): void {
    this.length = 0
    this.#texts.length = 0
    this.#extras.length = 0
  }

  /** The same rows in private columns of twice the capacity. */
  grown(): Columns {
    const larger = new Columns(this.capacity * 2, false)
    larger.length = this.length
    larger.time.set(this.time)
    larger.value.set(this.value)
    larger.series.set(this.series)
    larger.quality.set(this.quality)
    larger.flags.set(this.flags)
    // Not by spreading: there may be more than a call takes arguments.
    for (const text of this.#texts) larger.#texts.push(text)
    for (const extra of this.#extras) larger.#extras.push(extra)
    return larger
  }

  /** For the log. Shared columns go as they are; private ones cut to length, because they are copied on the way. */
  readings(): NewReadings {
    const { length } = this
    const text = sparseText(this.#texts, length)
    const extra = sparseText(this.#extras, length)
    if (this.isShared) {
      const { series, time, value, quality, flags } = this
      return { length, series, time, value, quality, flags, text, extra }
    }
    return {
      length,
      series: this.series.slice(0, length),
      time: this.time.slice(0, length),
      value: this.value.slice(0, length),
      quality: this.quality.slice(0, length),
      flags: this.flags.slice(0, length),
      text,
      extra,
    }
  }
}

const utf8 = new TextEncoder()

/** A lazy column: undefined if no row has a value. `values` are in order of their rows. */
function sparseText(
  values: readonly { readonly row: number; readonly text: string }[],
  length: number,
): TextColumn | undefined {
  if (values.length === 0) return undefined
  const offsets = new Uint32Array(length + 1)
  const parts: Uint8Array[] = []
  let filled = 0
  let at = 0
  for (const { row, text } of values) {
    offsets.fill(at, filled, row + 1)
    filled = row + 1
    const bytes = utf8.encode(text)
    parts.push(bytes)
    at += bytes.length
  }
  offsets.fill(at, filled)
  return { offsets, bytes: Buffer.concat(parts) }
}
