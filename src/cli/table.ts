import { printable } from '../lib/printable.ts'

/** What one long name may widen the column of all others to; a longer cell sticks out of its own row only. */
const maxWidth = 64

/** Rows as aligned text columns; numbers to the right. */
export function formatTable(
  headers: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const cells = rows.map((row) => row.map((cell) => printable(String(cell))))
  const widths = headers.map((header, i) =>
    cells.reduce((width, row) => Math.max(width, Math.min(maxWidth, row[i]?.length ?? 0)), header.length),
  )
  const isNumber = headers.map((_, i) => rows.length > 0 && rows.every((row) => typeof row[i] === 'number'))
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(headers.map((header) => header.toUpperCase())), ...cells.map(line)].join('\n')
}
