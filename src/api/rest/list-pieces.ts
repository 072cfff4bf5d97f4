import { rowsPerPiece } from './row-text.ts'

/** How a list is written. */
export interface ListText<T> {
  row(row: T): string
  /** The member that says there is more behind the last row written. */
  behind(last: T): string
}

/** A list that is there already, as text: the first `limit` rows, and word of more where there are more. */
export async function* listPieces<T>(
  head: string,
  rows: readonly T[],
  limit: number,
  text: ListText<T>,
): AsyncGenerator<string> {
  const shown = rows.slice(0, limit)
  let before = head
  for (let at = 0; at < shown.length; at += rowsPerPiece) {
    const piece = shown.slice(at, at + rowsPerPiece).map((row) => text.row(row))
    yield before + piece.join()
    before = ','
  }
  const last = shown.at(-1)
  const more = rows.length > limit && last !== undefined ? `,${text.behind(last)}` : ''
  yield `${before === ',' ? '' : before}]${more}}`
}
