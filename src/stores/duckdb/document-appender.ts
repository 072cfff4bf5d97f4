import { BIGINT, UINTEGER, VARCHAR } from '@duckdb/node-api'
import type { Documents } from '../../core/batch.ts'
import { bytesAt } from '../../core/text-column.ts'
import { Numbers, putTime } from './int64.ts'
import type { Sql } from './sql.ts'
import { VectorSet, vectorRows } from './vector-set.ts'

/** The columns of a stream's table: key, time, origin, seq, body. */
const types = [VARCHAR, BIGINT, UINTEGER, BIGINT, VARCHAR]

export interface AppendDocuments {
  readonly batch: Documents
  readonly origin: number
  /** Rows of the batch that are left out. */
  readonly without: ReadonlySet<number>
}

/** Copies documents into an engine table, as `RowAppender` does readings: texts as the bytes they came as, numbers a column at a time. */
export class DocumentAppender {
  readonly #vectors = new VectorSet(types)
  readonly #time = new Uint32Array(vectorRows * 2)
  readonly #origin = new Uint32Array(vectorRows)
  readonly #seq = new Uint32Array(vectorRows * 2)

  /** Inside the open transaction. Keys and bodies are UTF-8, times have been checked. */
  async append(sql: Sql, table: string, documents: AppendDocuments, catalog?: string): Promise<void> {
    const { batch, origin, without } = documents
    const vectors = this.#vectors
    const appender = await sql.connection.createAppender(table, 'main', catalog ?? null)
    this.#origin.fill(origin)
    for (let next = 0; next < batch.length; ) {
      vectors.start(vectorRows)
      let count = 0
      for (; next < batch.length && count < vectorRows; next++)
        if (!without.has(next)) this.#put(count++, batch, next)
      vectors.copy(1, this.#time, count * 8)
      vectors.copy(2, this.#origin, count * 4)
      vectors.copy(3, this.#seq, count * 8)
      vectors.chunk.rowCount = count
      appender.appendDataChunk(vectors.chunk)
    }
    appender.closeSync()
  }

  /** Row `from` of the batch as row `to` of the vectors. */
  #put(to: number, batch: Documents, from: number): void {
    this.#vectors.assign(0, to, bytesAt(batch.key, from))
    putTime(this.#time, to, Math.floor(batch.time[from] as number))
    new Numbers(batch.base).put(this.#seq, to, batch.row === undefined ? from : (batch.row[from] as number))
    this.#vectors.assign(4, to, bytesAt(batch.body, from))
  }
}
