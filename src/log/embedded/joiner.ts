import type { Documents, Readings } from '../../core/batch.ts'
import type { SeriesNames } from '../../core/series.ts'
import type { TextColumn } from '../../core/text-column.ts'
import type { DocumentsColumns, ReadingsColumns } from './group-reader.ts'

/**
 * Joins the readings of many commits into one batch, in columns that are kept and used again: a batch it gave is
 * valid until `start` is called next.
 */
export class ReadingsJoiner {
  length = 0
  readonly #names: SeriesNames
  #capacity: number
  #base = 0
  #row: Uint32Array
  #series: Uint32Array
  #time: Float64Array
  #value: Float64Array
  #quality: Uint8Array
  #flags: Uint8Array
  readonly #text = new TextJoiner()
  readonly #extra = new TextJoiner()

  constructor(names: SeriesNames, capacity: number) {
    this.#names = names
    this.#capacity = capacity
    this.#row = new Uint32Array(capacity)
    this.#series = new Uint32Array(capacity)
    this.#time = new Float64Array(capacity)
    this.#value = new Float64Array(capacity)
    this.#quality = new Uint8Array(capacity)
    this.#flags = new Uint8Array(capacity)
  }

  start(): void {
    this.length = 0
    this.#text.start()
    this.#extra.start()
  }

  /** Bytes of the variable-length values joined. */
  get bytes(): number {
    return this.#text.bytes + this.#extra.bytes
  }

  /** True if rows up to `number` can still be told by a Uint32 from the batch's first. */
  fits(number: number): boolean {
    return this.length === 0 || number - this.#base < 2 ** 32
  }

  /** Adds rows [from, to) of columns whose row 0 has the number `number`. */
  add(columns: ReadingsColumns, number: number, from: number, to: number): void {
    const at = this.length
    const end = at + to - from
    if (end > this.#capacity) this.#grow(end)
    if (at === 0) this.#base = number + from
    const first = number + from - this.#base
    for (let i = at, row = first; i < end; i++, row++) this.#row[i] = row
    this.#series.set(part(columns.series, from, to), at)
    this.#time.set(part(columns.time, from, to), at)
    this.#value.set(part(columns.value, from, to), at)
    this.#quality.set(part(columns.quality, from, to), at)
    this.#flags.set(part(columns.flags, from, to), at)
    this.#text.add(columns.text, at, from, to)
    this.#extra.add(columns.extra, at, from, to)
    this.length = end
  }

  batch(): Readings {
    const n = this.length
    return {
      kind: 'readings',
      length: n,
      base: BigInt(this.#base),
      row: this.#row.subarray(0, n),
      series: this.#series.subarray(0, n),
      time: this.#time.subarray(0, n),
      value: this.#value.subarray(0, n),
      quality: this.#quality.subarray(0, n),
      flags: this.#flags.subarray(0, n),
      text: this.#text.column(n),
      extra: this.#extra.column(n),
      names: this.#names,
    }
  }

  #grow(needed: number): void {
    const capacity = Math.max(needed, this.#capacity * 2)
    const keep = this.length
    this.#row = grown(this.#row.subarray(0, keep), new Uint32Array(capacity))
    this.#series = grown(this.#series.subarray(0, keep), new Uint32Array(capacity))
    this.#time = grown(this.#time.subarray(0, keep), new Float64Array(capacity))
    this.#value = grown(this.#value.subarray(0, keep), new Float64Array(capacity))
    this.#quality = grown(this.#quality.subarray(0, keep), new Uint8Array(capacity))
    this.#flags = grown(this.#flags.subarray(0, keep), new Uint8Array(capacity))
    this.#capacity = capacity
  }
}

/** The same for the documents of one stream. */
export class DocumentsJoiner {
  length = 0
  readonly #stream: string
  #base = 0
  #row: number[] = []
  #time: number[] = []
  readonly #key = new TextJoiner()
  readonly #body = new TextJoiner()

  constructor(stream: string) {
    this.#stream = stream
  }

  start(): void {
    this.length = 0
    this.#row = []
    this.#time = []
    this.#key.start()
    this.#body.start()
  }

  /** Bytes of the keys and bodies joined. */
  get bytes(): number {
    return this.#key.bytes + this.#body.bytes
  }

  fits(number: number): boolean {
    return this.length === 0 || number - this.#base < 2 ** 32
  }

  add(columns: DocumentsColumns, number: number, from: number, to: number): void {
    if (this.length === 0) this.#base = number + from
    for (let i = from; i < to; i++) {
      this.#row.push(number + i - this.#base)
      this.#time.push(columns.time[i] ?? 0)
    }
    this.#key.add(columns.key, this.length, from, to)
    this.#body.add(columns.body, this.length, from, to)
    this.length += to - from
  }

  batch(): Documents {
    return {
      kind: 'documents',
      stream: this.#stream,
      length: this.length,
      base: BigInt(this.#base),
      row: Uint32Array.from(this.#row),
      time: Float64Array.from(this.#time),
      key: this.#key.column(this.length) ?? noText(this.length),
      body: this.#body.column(this.length) ?? noText(this.length),
    }
  }
}

/** A text column that does not exist until some commit has one. */
class TextJoiner {
  #offsets = new Uint32Array(64)
  #bytes = new Uint8Array(1024)
  /** Rows whose offsets are set; the column exists once this is above 0. */
  #rows = 0

  start(): void {
    this.#rows = 0
  }

  get bytes(): number {
    return this.#rows === 0 ? 0 : (this.#offsets[this.#rows] ?? 0)
  }

  /** Adds values [from, to) as rows from `at` on; undefined adds nothing, empty values are filled in when needed. */
  add(column: TextColumn | undefined, at: number, from: number, n: number): void {
    if (!column || n === from) return
    this.#fillTo(at)
    const rows = at + n - from
    this.#reserve(rows)
    const start = column.offsets[from] ?? 0
    const end = column.offsets[n] ?? start
    const base = this.#offsets[at] ?? 0
    if (base + end - start > this.#bytes.length) {
      this.#bytes = grown(
        this.#bytes.subarray(0, base),
        new Uint8Array(Math.max(base + end - start, this.#bytes.length * 2)),
      )
    }
    this.#bytes.set(column.bytes.subarray(start, end), base)
    for (let i = from; i < n; i++)
      this.#offsets[at + i - from + 1] = base + (column.offsets[i + 1] ?? start) - start
    this.#rows = rows
  }

  column(length: number): TextColumn | undefined {
    if (this.#rows === 0) return undefined
    this.#fillTo(length)
    return {
      offsets: this.#offsets.subarray(0, length + 1),
      bytes: this.#bytes.subarray(0, this.#offsets[length]),
    }
  }

  #fillTo(rows: number): void {
    this.#reserve(rows)
    if (this.#rows === 0) this.#offsets[0] = 0
    this.#offsets.fill(this.#offsets[this.#rows] ?? 0, this.#rows, rows + 1)
    this.#rows = Math.max(rows, this.#rows)
  }

  #reserve(rows: number): void {
    if (rows + 1 <= this.#offsets.length) return
    this.#offsets = grown(this.#offsets, new Uint32Array(Math.max(rows + 1, this.#offsets.length * 2)))
  }
}

/** The end of the rows from `from` on, at most `to`, whose values of each column fit in `bytes`: at least one row. */
export function fitting(
  columns: readonly (TextColumn | undefined)[],
  from: number,
  to: number,
  bytes: number,
): number {
  let end = to
  for (const column of columns) {
    if (!column) continue
    const limit = (column.offsets[from] ?? 0) + bytes
    if ((column.offsets[end] ?? 0) <= limit) continue
    let low = from + 1
    while (low < end) {
      const middle = Math.ceil((low + end) / 2)
      if ((column.offsets[middle] ?? 0) <= limit) low = middle
      else end = middle - 1
    }
  }
  return end
}

const noText = (length: number): TextColumn => ({
  offsets: new Uint32Array(length + 1),
  bytes: new Uint8Array(0),
})

/** A whole column as it is: views cost more than small copies. */
function part<T extends Uint32Array | Float64Array | Uint8Array>(column: T, from: number, to: number): T {
  // subarray gives the type it is called on; TypeScript's union of the three signatures loses that.
  return from === 0 && to === column.length ? column : (column.subarray(from, to) as T)
}

function grown<T extends Uint32Array | Float64Array | Uint8Array>(from: T, into: T): T {
  into.set(from)
  return into
}
