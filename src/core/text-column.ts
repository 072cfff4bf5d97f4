/**
 * Variable-length values of the rows of a batch: value i is bytes[offsets[i], offsets[i + 1]).
 * An empty range means "no value" for lazy columns (`text` rows say so by their flag).
 */
export interface TextColumn {
  /** length + 1 entries, ascending. */
  readonly offsets: Uint32Array
  readonly bytes: Uint8Array
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Value i as text; the bytes were checked to be UTF-8 at the door. */
export function textAt(column: TextColumn, i: number): string {
  return decoder.decode(bytesAt(column, i))
}

const lenient = new TextDecoder('utf-8', { ignoreBOM: true })

/** Value i as text, with U+FFFD for what is no UTF-8: to show a value that was refused for it. */
export function shownTextAt(column: TextColumn, i: number): string {
  return lenient.decode(bytesAt(column, i))
}

/** Value i as bytes, a view and not a copy. */
export function bytesAt(column: TextColumn, i: number): Uint8Array {
  return column.bytes.subarray(column.offsets[i] ?? 0, column.offsets[i + 1] ?? 0)
}

/** Values from to `to` as a column of their own: offsets are copied, bytes shared. */
export function sliceText(column: TextColumn, from: number, to: number): TextColumn {
  const start = column.offsets[from] ?? 0
  const end = column.offsets[to] ?? start
  const offsets = new Uint32Array(to - from + 1)
  for (let i = from; i <= to; i++) offsets[i - from] = (column.offsets[i] ?? start) - start
  return { offsets, bytes: column.bytes.subarray(start, end) }
}

/** Builds a column from values in order. */
export function textColumn(values: readonly (string | Uint8Array)[]): TextColumn {
  const offsets = new Uint32Array(values.length + 1)
  let size = 0
  for (const [i, value] of values.entries()) {
    size += typeof value === 'string' ? Buffer.byteLength(value) : value.length
    offsets[i + 1] = size
  }
  const bytes = new Uint8Array(size)
  const texts = Buffer.from(bytes.buffer)
  for (const [i, value] of values.entries()) {
    const at = offsets[i] ?? 0
    if (typeof value === 'string') texts.write(value, at)
    else bytes.set(value, at)
  }
  return { offsets, bytes }
}
