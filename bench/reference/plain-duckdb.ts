// hot: bench/store-append
/**
 * The bar for `store-append` and `query-range`: one plain table, filled through typed data chunks, a transaction a batch, with no position,
 * no books, no identity and no chunks by time; and the same buckets asked of it in plain SQL.
 */
import fs from 'node:fs'
import path from 'node:path'
import { BIGINT, DOUBLE, DuckDBInstance, type DuckDBConnection, UINTEGER, UTINYINT } from '@duckdb/node-api'
import { putTime } from '../../src/stores/duckdb/int64.ts'
import { VectorSet, vectorRows } from '../../src/stores/duckdb/vector-set.ts'

export interface PlainOptions {
  readonly rows: number
  readonly batchRows: number
  readonly series: number
  readonly memoryLimitMb: number
  readonly threads: number
  readonly data: string
  /** µs of the first row; every series has a row a second from there. */
  readonly begin: number
}

/** The table in a file of its own, which is removed afterwards. */
export async function withPlainTable<T>(
  { data, memoryLimitMb, threads }: PlainOptions,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  const folder = fs.mkdtempSync(path.join(data, 'sluice-bench-plain-'))
  const instance = await DuckDBInstance.create(path.join(folder, 'plain.duckdb'), {
    memory_limit: `${memoryLimitMb}MB`,
    threads: String(threads),
  })
  try {
    const connection = await instance.connect()
    await connection.run(
      'CREATE TABLE readings (series UINTEGER, time BIGINT, value DOUBLE, quality UTINYINT, seq BIGINT)',
    )
    return await work(connection)
  } finally {
    instance.closeSync()
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Rows a second; the rows are those of `store-append`. */
export async function fillPlain(connection: DuckDBConnection, options: PlainOptions): Promise<number> {
  const { batchRows, begin, series: seriesCount } = options
  const vectors = new VectorSet([UINTEGER, BIGINT, DOUBLE, UTINYINT, BIGINT])
  const series = new Uint32Array(vectorRows)
  const time = new Uint32Array(vectorRows * 2)
  const value = new Float64Array(vectorRows)
  const quality = new Uint8Array(vectorRows).fill(192)
  const seq = new Uint32Array(vectorRows * 2)
  const started = performance.now()
  let row = 0
  while (row < options.rows) {
    await connection.run('BEGIN')
    const appender = await connection.createAppender('readings')
    for (const end = row + batchRows; row < end; ) {
      const count = Math.min(vectorRows, end - row)
      for (let i = 0; i < count; i++, row++) {
        series[i] = row % seriesCount
        putTime(time, i, begin + Math.floor(row / seriesCount) * 1_000_000)
        value[i] = (row % 9_973) / 10
        putTime(seq, i, row)
      }
      vectors.start(count)
      vectors.copy(0, series, count * 4)
      vectors.copy(1, time, count * 8)
      vectors.copy(2, value, count * 8)
      vectors.copy(3, quality, count)
      vectors.copy(4, seq, count * 8)
      appender.appendDataChunk(vectors.chunk)
    }
    appender.closeSync()
    await connection.run('COMMIT')
  }
  return row / ((performance.now() - started) / 1000)
}

/** Milliseconds of each query for the buckets of one series. */
export async function askPlain(
  connection: DuckDBConnection,
  queries: number,
  bounds: { readonly series: number; readonly from: number; readonly to: number; readonly step: number },
): Promise<number[]> {
  const { series, from, to, step } = bounds
  const waits: number[] = []
  for (let i = 0; i < queries; i++) {
    const began = performance.now()
    const answer = await connection.runAndReadAll(
      `SELECT time // ${step} AS bucket, avg(value), min(value), max(value) FROM readings
        WHERE series = ${(i * 7919) % series} AND time >= ${from} AND time < ${to} GROUP BY bucket ORDER BY bucket`,
    )
    waits.push(performance.now() - began)
    if (answer.currentRowCount < (to - from) / step) throw new Error(`${answer.currentRowCount} buckets`)
  }
  return waits
}
