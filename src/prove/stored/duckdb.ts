import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import type { SinkBooks } from '../../core/sink.ts'
import type { StoredRows } from '../judge.ts'

/*
 * Reads the DuckDB file of a stopped Sluice with nothing of Sluice's own in between: what stands here is what the engine has.
 * Tables: src/stores/duckdb/schema.ts and chunks.ts.
 */

/** What the store's own count(*) says. */
export async function countDuckdb(file: string): Promise<number> {
  return await withStore(file, async (connection) => {
    let count = 0
    for (const table of await readingTables(connection)) {
      const [[rows] = []] = await all(connection, `SELECT count(*)::DOUBLE FROM ${table}`)
      count += Number(rows)
    }
    return count
  })
}

/** The store's books of the stream `readings`, summed over the logs and replays it has seen. */
export async function readDuckdbBooks(file: string): Promise<SinkBooks> {
  const terms = [
    'handed',
    'stored',
    'repeated',
    'overwritten',
    'filtered',
    'dead_lettered',
    'expired',
    'damaged',
  ]
  return await withStore(file, async (connection) => {
    const sums = terms.map((term) => `coalesce(sum(${term}), 0)::DOUBLE`).join(', ')
    const [row = []] = await all(connection, `SELECT ${sums} FROM positions WHERE stream = 'readings'`)
    const [handed, stored, repeated, overwritten, filtered, deadLettered, expired, damaged] = row.map(Number)
    return {
      handed: handed ?? 0,
      stored: stored ?? 0,
      repeated: repeated ?? 0,
      overwritten: overwritten ?? 0,
      filtered: filtered ?? 0,
      deadLettered: deadLettered ?? 0,
      expired: expired ?? 0,
      damaged: damaged ?? 0,
    }
  })
}

/** Every reading in the file, table by table. */
export async function* readingsInDuckdb(file: string): AsyncGenerator<StoredRows> {
  const instance = await openStore(file)
  const connection = await instance.connect()
  try {
    const names: { device: string; metric: string }[] = []
    for (const [id, device, metric] of await all(connection, 'SELECT id, device, metric FROM series')) {
      names[Number(id)] = { device: String(device), metric: String(metric) }
    }
    for (const table of await readingTables(connection)) {
      const result = await connection.stream(`SELECT series, time::DOUBLE, value, seq FROM ${table}`)
      for (;;) {
        const chunk = await result.fetchChunk()
        if (chunk === null || chunk.rowCount === 0) break
        const column = (index: number): unknown[] => chunk.getColumnValues(index)
        const series = column(0).map(
          (id) => names[Number(id)] ?? { device: `series ${String(id)}`, metric: '?' },
        )
        yield {
          length: chunk.rowCount,
          device: series.map((name) => name.device),
          metric: series.map((name) => name.metric),
          time: Float64Array.from(column(1), Number),
          value: Float64Array.from(column(2), (value) => (value === null ? Number.NaN : Number(value))),
          seq: BigInt64Array.from(column(3) as bigint[]), // as: the column is BIGINT
        }
      }
    }
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

/** The tables that hold readings now; an interrupted rewrite may have left others. */
async function readingTables(connection: DuckDBConnection): Promise<string[]> {
  const chunks = await all(connection, 'SELECT id FROM chunks ORDER BY from_time')
  return chunks.map(([id]) => `r${Number(id)}`)
}

async function withStore<T>(file: string, read: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await openStore(file)
  const connection = await instance.connect()
  try {
    return await read(connection)
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}

function openStore(file: string): Promise<DuckDBInstance> {
  return DuckDBInstance.create(file, { access_mode: 'READ_ONLY', threads: '2' })
}

async function all(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  return (await connection.runAndReadAll(sql)).getRows()
}
