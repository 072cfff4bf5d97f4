// hot: bench/store-append
import { BIGINT, DOUBLE, type DuckDBConnection, UINTEGER, UTINYINT, VARCHAR } from '@duckdb/node-api'
import { isText, type Readings } from '../../core/batch.ts'
import { bytesAt, type TextColumn } from '../../core/text-column.ts'
import { Numbers, putTime } from './int64.ts'
import { VectorSet, vectorRows } from './vector-set.ts'

const numberTypes = [UINTEGER, BIGINT, DOUBLE, UTINYINT, UTINYINT, UINTEGER, BIGINT]
const textTypes = [...numberTypes, VARCHAR, VARCHAR]

/** A batch as a chunk table keeps it. */
export interface AppendRows {
  readonly batch: Readings
  /** Own series id of row i of the batch. */
  readonly own: Uint32Array
  readonly origin: number
}

/**
 * Copies rows into an engine table: 2,048 rows at a time into small arrays that stay in the processor's cache, from there with one
 * memcpy a column into the engine's own vectors. No value is handed over by itself. One per connection.
 */
export class RowAppender {
  readonly #connection: DuckDBConnection
  readonly #numbers = new VectorSet(numberTypes)
  readonly #texts = new VectorSet(textTypes)
  readonly #series = new Uint32Array(vectorRows)
  readonly #time = new Uint32Array(vectorRows * 2)
  readonly #value = new Float64Array(vectorRows)
  readonly #quality = new Uint8Array(vectorRows)
  readonly #flags = new Uint8Array(vectorRows)
  readonly #origin = new Uint32Array(vectorRows)
  readonly #seq = new Uint32Array(vectorRows * 2)
  readonly #valid = new Uint8Array(vectorRows / 8)

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  /** Appends the rows that `pick` names, or all `length` of the batch, inside the open transaction. */
  async append(
    table: string,
    hasText: boolean,
    rows: AppendRows,
    pick: Uint32Array | undefined,
  ): Promise<void> {
    const vectors = hasText ? this.#texts : this.#numbers
    const total = pick === undefined ? rows.batch.length : pick.length
    const appender = await this.#connection.createAppender(table)
    this.#origin.fill(rows.origin)
    for (let from = 0; from < total; from += vectorRows) {
      const count = Math.min(vectorRows, total - from)
      if (pick === undefined) this.#fill(rows, from, count)
      else this.#gather(rows, pick, from, count)
      vectors.start(count)
      vectors.copy(0, this.#series, count * 4)
      vectors.copy(1, this.#time, count * 8)
      vectors.copy(2, this.#value, count * 8)
      vectors.copy(3, this.#quality, count)
      vectors.copy(4, this.#flags, count)
      vectors.copy(5, this.#origin, count * 4)
      vectors.copy(6, this.#seq, count * 8)
      if (hasText) this.#copyTexts(vectors, rows.batch, pick, from, count)
      appender.appendDataChunk(vectors.chunk)
    }
    appender.closeSync()
  }

  /** Rows [from, from + count) of the batch. */
  #fill({ batch, own }: AppendRows, from: number, count: number): void {
    const series = this.#series
    const time = this.#time
    const seq = this.#seq
    const numbers = new Numbers(batch.base)
    const { row } = batch
    for (let i = 0; i < count; i++) {
      putTime(time, i, batch.time[from + i] as number)
      numbers.put(seq, i, row === undefined ? from + i : (row[from + i] as number))
      series[i] = own[from + i] as number
    }
    this.#value.set(batch.value.subarray(from, from + count))
    this.#quality.set(batch.quality.subarray(from, from + count))
    this.#flags.set(batch.flags.subarray(from, from + count))
  }

  /** Rows pick[from, from + count) of the batch. */
  #gather({ batch, own }: AppendRows, pick: Uint32Array, from: number, count: number): void {
    const numbers = new Numbers(batch.base)
    const { row } = batch
    for (let i = 0; i < count; i++) {
      const at = pick[from + i] as number
      putTime(this.#time, i, batch.time[at] as number)
      numbers.put(this.#seq, i, row === undefined ? at : (row[at] as number))
      this.#series[i] = own[at] as number
      this.#value[i] = batch.value[at] as number
      this.#quality[i] = batch.quality[at] as number
      this.#flags[i] = batch.flags[at] as number
    }
  }

  /** The texts of a vector's rows; a row with a text has no number. */
  #copyTexts(
    vectors: VectorSet,
    batch: Readings,
    pick: Uint32Array | undefined,
    from: number,
    count: number,
  ) {
    const valid = this.#valid.fill(255)
    for (let i = 0; i < count; i++) {
      if (((this.#flags[i] as number) & isText) !== 0) clearBit(valid, i)
    }
    vectors.copyValidity(2, valid)
    const isTextRow = (i: number) => ((this.#flags[i] as number) & isText) !== 0
    this.#copyText(vectors, 7, batch.text, pick, from, count, isTextRow)
    this.#copyText(vectors, 8, batch.extra, pick, from, count, undefined)
  }

  #copyText(
    vectors: VectorSet,
    index: number,
    column: TextColumn | undefined,
    pick: Uint32Array | undefined,
    from: number,
    count: number,
    isPresent: ((i: number) => boolean) | undefined,
  ): void {
    const valid = this.#valid.fill(0)
    if (column !== undefined) {
      for (let i = 0; i < count; i++) {
        const bytes = bytesAt(column, pick === undefined ? from + i : (pick[from + i] as number))
        if (isPresent === undefined ? bytes.length === 0 : !isPresent(i)) continue
        setBit(valid, i)
        vectors.assign(index, i, bytes)
      }
    }
    vectors.copyValidity(index, valid)
  }
}

function setBit(bits: Uint8Array, i: number): void {
  bits[i >>> 3] = (bits[i >>> 3] as number) | (1 << (i & 7))
}

function clearBit(bits: Uint8Array, i: number): void {
  bits[i >>> 3] = (bits[i >>> 3] as number) & ~(1 << (i & 7))
}
