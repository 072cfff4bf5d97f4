/** Members whose values are secrets, whatever their case. */
const secret = new Set(['token', 'password', 'authorization'])
const maskStart = new TextEncoder().encode('"***')
const maskEnd = maskStart.subarray(0, 1)
/** Letters have no other escapes. */
const escaped = /\\u([0-9a-f]{4})/gi
const unescaped = (_: string, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16))
const decoder = new TextDecoder()
const nothing = new Uint8Array(0)

/**
 * Payload bytes[from, to) with the values of JSON members that carry secrets replaced by "***": an unfinished value is masked to its end. Of
 * what could not be read nobody knows whether it is JSON: that is for `maskBroken`. The result is a view of the same memory where there was
 * nothing to mask.
 */
export function maskTokens(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const masking = new Masking(bytes, from, to)
  let at = from
  while (at < to) {
    if (bytes[at] !== quote) {
      at++
      continue
    }
    // Every quote is tried as the start of a name: in a broken payload nobody knows which quotes open and which close.
    const nameEnd = stringEnd(bytes, at, Math.min(to, at + maxNameBytes))
    const colon = afterSpace(bytes, nameEnd, to)
    if (colon >= to || bytes[colon] !== 0x3a || !isSecret(bytes, at, nameEnd)) {
      at++
      continue
    }
    const value = afterSpace(bytes, colon + 1, to)
    at = valueEnd(bytes, value, to)
    masking.mask(value, at)
  }
  return masking.result()
}

/** True if something may have been masked in the bytes: what was there before nobody knows any more. */
export function hasMask(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(maskStart)
}

export const quote = 0x22
export const backslash = 0x5c
/** The longest secret name with every letter escaped, in its quotes, is shorter. */
export const maxNameBytes = 100

/** Past the closing quote of the string that opens at `at`, or `to` if it never closes. */
export function stringEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    if (bytes[i] === backslash) i++
    else if (bytes[i] === quote) return i + 1
  }
  return to
}

export function afterSpace(bytes: Uint8Array, at: number, to: number): number {
  let i = at
  while (i < to && (bytes[i] as number) <= 0x20) i++
  return i
}

export function isSecret(bytes: Uint8Array, from: number, to: number): boolean {
  const name = decoder.decode(bytes.subarray(from + 1, to - 1)).replaceAll(escaped, unescaped)
  return secret.has(name.toLowerCase())
}

/** End of the value at `at`: a string, a nested object or array, or a bare word. */
function valueEnd(bytes: Uint8Array, at: number, to: number): number {
  let depth = 0
  let i = at
  while (i < to) {
    const byte = bytes[i] as number
    if (byte === quote) {
      i = stringEnd(bytes, i, to)
      if (depth === 0) return i
      continue
    }
    if (byte === 0x7b || byte === 0x5b) depth++
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return i
      depth--
      if (depth === 0) return i + 1
    } else if (depth === 0 && (byte === 0x2c || byte <= 0x20)) return i
    i++
  }
  return to
}

/** Bytes with places masked, one behind the other. */
export class Masking {
  readonly #bytes: Uint8Array
  readonly #to: number
  readonly #parts: Uint8Array[] = []
  #copied: number

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes
    this.#copied = from
    this.#to = to
  }

  /** `escape` stands before each quote of the mask. */
  mask(from: number, to: number, escape: Uint8Array = nothing): void {
    this.#parts.push(this.#bytes.subarray(this.#copied, from), escape, maskStart, escape, maskEnd)
    this.#copied = to
  }

  /** A view of the same memory if nothing was masked. */
  result(): Uint8Array {
    const rest = this.#bytes.subarray(this.#copied, this.#to)
    return this.#parts.length === 0 ? rest : new Uint8Array(Buffer.concat([...this.#parts, rest]))
  }
}
