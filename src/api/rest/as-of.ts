import { encodeCursor, type Position } from '../../core/position.ts'

/**
 * The member of an answer that says what it holds at least, as a live cursor. Taken before the query begins: a row that comes meanwhile
 * may be in the answer too, but none before the cursor can be missing.
 */
export function asOfText(position: Position): string {
  return `"asOf":"${encodeCursor([position])}",`
}
