import type { Chunk, Chunks } from './chunks.ts'
import type { Readers } from './readers.ts'
import type { Sql } from './sql.ts'

/** Rows of chunks that one step of a query may look at: well under the five seconds a step has, on unsorted chunks too. */
export const windowRows = 64_000_000

/** Chunks that overlap [from, to), as many as one step takes, beginning at the end that the order names. */
export function windowOf(
  { chunks, windowRows }: { readonly chunks: Chunks; readonly windowRows: number },
  from: number,
  to: number,
  order: 'ascending' | 'descending',
): { readonly chunks: readonly Chunk[]; readonly isLast: boolean } {
  const all = chunks.within(from, to)
  if (order === 'descending') all.reverse()
  let rows = 0
  let count = 0
  for (const chunk of all) {
    if (count > 0 && rows + chunk.rows > windowRows) break
    chunks.touch(chunk)
    rows += chunk.rows
    count++
  }
  return { chunks: all.slice(0, count), isLast: count === all.length }
}

const swaps = 5

/**
 * Runs a step that names chunk tables. The writer may put another table in a chunk's place between choosing and reading: then the
 * step is chosen and run again.
 */
export async function readChunks<T>(
  readers: Readers,
  signal: AbortSignal,
  step: (sql: Sql) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readers.read(signal, step)
    } catch (error) {
      const wasSwapped = error instanceof Error && /^Catalog Error: Table with name r\d+/.test(error.message)
      if (!wasSwapped || attempt === swaps) throw error
    }
  }
}
