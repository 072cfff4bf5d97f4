// hot: bench/store-append
import { DuckDBDataChunk, type DuckDBType } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'

/** Rows that an engine vector holds. */
export const vectorRows = duckdb.vector_size()

/** One engine chunk with its vectors, used over and over: columns are copied into it whole, no value is handed over by itself. */
export class VectorSet {
  readonly chunk: DuckDBDataChunk
  readonly #vectors: duckdb.Vector[]

  constructor(types: readonly DuckDBType[]) {
    this.chunk = DuckDBDataChunk.create(types)
    this.#vectors = types.map((_, i) => duckdb.data_chunk_get_vector(this.chunk.chunk, i))
  }

  start(rows: number): void {
    this.chunk.reset()
    this.chunk.rowCount = rows
  }

  /** The first `bytes` of an array that is not shared between threads. */
  copy(index: number, from: Float64Array | Uint32Array | Uint8Array, bytes: number): void {
    duckdb.copy_data_to_vector(this.#vector(index), 0, from.buffer as ArrayBuffer, from.byteOffset, bytes) // our own arrays are never shared
  }

  copyValidity(index: number, valid: Uint8Array): void {
    const vector = this.#vector(index)
    duckdb.vector_ensure_validity_writable(vector)
    const buffer = valid.buffer as ArrayBuffer // as above
    duckdb.copy_data_to_vector_validity(vector, 0, buffer, valid.byteOffset, valid.length)
  }

  assign(index: number, row: number, bytes: Uint8Array): void {
    duckdb.vector_assign_string_element_len(this.#vector(index), row, bytes)
  }

  #vector(index: number): duckdb.Vector {
    const vector = this.#vectors[index]
    if (vector === undefined) throw new RangeError(`no vector ${index}`)
    return vector
  }
}
