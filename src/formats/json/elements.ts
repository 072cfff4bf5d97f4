/**
 * Ends of the elements of an array that need not be valid JSON, so that one bad element harms only itself.
 * The element that starts at `at` ends before the `,` or `]` that stands outside its strings and brackets, or at `to`.
 */
export function elementEnd(bytes: Uint8Array, at: number, to: number): number {
  let depth = 0
  for (let i = at; i < to; i++) {
    const byte = bytes[i]
    if (byte === 0x22) i = stringEnd(bytes, i, to)
    else if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth > 0) depth--
      else if (byte === 0x5d) return i
    } else if (byte === 0x2c && depth === 0) return i
  }
  return to
}

/** The closing quote of the string that opens at `at`, or `to` if it never closes. */
function stringEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    if (bytes[i] === 0x5c) i++
    else if (bytes[i] === 0x22) return i
  }
  return to
}

export function skipSpace(bytes: Uint8Array, at: number, to: number): number {
  let i = at
  while (i < to && isSpace(bytes[i] as number)) i++
  return i
}

/** Start of the white space that ends at `to`. */
export function trimSpace(bytes: Uint8Array, from: number, to: number): number {
  let i = to
  while (i > from && isSpace(bytes[i - 1] as number)) i--
  return i
}

/** White space of JSON: RFC 8259 §2. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
