import fs from 'node:fs'
import path from 'node:path'
import type { SinkBooks } from '../../src/core/sink.ts'
import type { StoredRows } from '../../src/prove/judge.ts'
import { countDuckdb, readDuckdbBooks, readingsInDuckdb } from '../../src/prove/stored/duckdb.ts'

/** What the only store below a data folder has, by its own count(*). Sluice is stopped. */
export function countReadings(data: string): Promise<number> {
  return countDuckdb(storeFile(data))
}

/** That store's books of the stream `readings`, summed over the logs and replays it has seen. */
export function readStoredBooks(data: string): Promise<SinkBooks> {
  return readDuckdbBooks(storeFile(data))
}

/** Every reading in it, table by table. */
export function storedReadings(data: string): AsyncGenerator<StoredRows> {
  return readingsInDuckdb(storeFile(data))
}

function storeFile(data: string): string {
  const files = fs.readdirSync(data).filter((file) => file.endsWith('.duckdb'))
  if (files.length !== 1) throw new Error(`${data} has ${files.length} store files`)
  return path.join(data, files[0] ?? '')
}
