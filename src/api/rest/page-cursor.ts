/**
 * Where the next page begins: what the last row of this page is found by. Opaque to callers, so it can change; it is base64url of a
 * JSON array, numbers beyond 2^53 as text.
 */
export function encodePage(parts: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** The parts of a cursor, or undefined if the text is none that we gave. */
export function decodePage(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    return undefined
  }
}
