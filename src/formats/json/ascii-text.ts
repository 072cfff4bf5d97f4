const decoder = new TextDecoder()

/** ASCII bytes as text; what a socket reads is a Buffer, which is three times as quick at it. */
export function asciiText(bytes: Uint8Array, from: number, to: number): string {
  return bytes instanceof Buffer
    ? bytes.toString('latin1', from, to)
    : decoder.decode(bytes.subarray(from, to))
}
