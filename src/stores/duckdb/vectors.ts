import type { DuckDBDataChunk } from '@duckdb/node-api'
import duckdb from '@duckdb/node-bindings'
import { toText } from './sql.ts'

/** Typed views of an engine chunk's columns: numbers without a call per value. Valid until the chunk is gone; NULLs read as garbage. */
export class ChunkColumns {
  readonly length: number
  readonly #chunk: DuckDBDataChunk

  constructor(chunk: DuckDBDataChunk) {
    this.#chunk = chunk
    this.length = chunk.rowCount
  }

  float64(column: number): Float64Array {
    const bytes = this.#bytes(column, 8)
    return new Float64Array(bytes.buffer, bytes.byteOffset, this.length)
  }

  int64(column: number): BigInt64Array {
    const bytes = this.#bytes(column, 8)
    return new BigInt64Array(bytes.buffer, bytes.byteOffset, this.length)
  }

  uint32(column: number): Uint32Array {
    const bytes = this.#bytes(column, 4)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, this.length)
  }

  /** 64-bit whole numbers as pairs of 32 bits, low half first. */
  pairs(column: number): Uint32Array {
    const bytes = this.#bytes(column, 8)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, this.length * 2)
  }

  uint8(column: number): Uint8Array {
    return this.#bytes(column, 1)
  }

  /** Of a column that was asked for as `exact`. Texts are made one by one. */
  texts(column: number): (string | undefined)[] {
    return this.#chunk.getColumnValues(column).map((value) => (value === null ? undefined : toText(value)))
  }

  #bytes(column: number, width: number): Uint8Array {
    const vector = duckdb.data_chunk_get_vector(this.#chunk.chunk, column)
    return duckdb.vector_get_data(vector, this.length * width)
  }
}
