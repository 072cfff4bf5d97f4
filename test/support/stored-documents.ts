import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

/** The bodies of a stream of documents in the file of the store `main`, in the order of the log. Sluice is stopped. */
export async function storedDocuments(data: string, stream: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(path.join(data, 'main.duckdb'), { access_mode: 'READ_ONLY' })
  const connection = await instance.connect()
  try {
    const streams = await connection.runAndReadAll('SELECT id FROM streams WHERE name = $1', [stream])
    const [id] = streams.getRows()[0] ?? []
    if (id === undefined) return []
    const rows = await connection.runAndReadAll(`SELECT body FROM d${Number(id)} ORDER BY origin, seq`)
    return rows.getRows().map(([body]) => String(body))
  } finally {
    connection.closeSync()
    instance.closeSync()
  }
}
