import type { DocumentQuery, DocumentRow } from '../../core/store.ts'
import type { StoreQueries } from './store-queries.ts'

/** Characters of bodies to hold at once: the first page is a guess, the others follow from the sizes seen. */
const wantedChars = 1_000_000
const firstRows = 16
const mostRows = 2_000

/**
 * Documents of a query, in its order, fetched page by page: bodies may be of any size, so pages have as many rows as fit in memory.
 * `query.limit` bounds the rows looked at, not those of one page.
 */
export async function* documentPages(
  store: Pick<StoreQueries, 'documents'>,
  query: DocumentQuery,
  signal: AbortSignal,
): AsyncGenerator<readonly DocumentRow[]> {
  let { before, after, limit: left } = query
  let pageRows = firstRows
  while (left > 0) {
    const limit = Math.min(left, pageRows)
    const rows = await store.documents({ ...query, limit, before, after }, signal)
    const last = rows.at(-1)
    if (last !== undefined) yield rows
    if (last === undefined || rows.length < limit) return
    const chars = rows.reduce((sum, { body }) => sum + body.length + 100, 0)
    pageRows = Math.max(1, Math.min(mostRows, Math.floor((wantedChars * rows.length) / chars)))
    if (after === undefined) before = last.seq
    else after = last.seq
    left -= rows.length
  }
}
