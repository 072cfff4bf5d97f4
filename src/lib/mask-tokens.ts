/** Members whose values are secrets, whatever their case. */
const secret = new Set(['token', 'password', 'authorization'])
const masked = new TextEncoder().encode('"***"')
const decoder = new TextDecoder()

/**
 * Payload bytes[from, to) with the values of JSON members that carry secrets replaced by "***". It needs no valid JSON, since
 * what it masks is often kept because it is not: an unfinished value is masked to its end. The result is a view of the same
 * memory where there was nothing to mask.
 */
export function maskTokens(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const parts: Uint8Array[] = []
  let copied = from
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
    const end = valueEnd(bytes, value, to)
    parts.push(bytes.subarray(copied, value), masked)
    copied = end
    at = end
  }
  if (parts.length === 0) return bytes.subarray(from, to)
  parts.push(bytes.subarray(copied, to))
  return joined(parts)
}

/** True if something may have been masked in the bytes: what was there before nobody knows any more. */
export function hasMask(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(masked)
}

const quote = 0x22
const backslash = 0x5c
/** The longest secret name with every letter escaped, in its quotes, is shorter. */
const maxNameBytes = 100

/** Past the closing quote of the string that opens at `at`, or `to` if it never closes. */
function stringEnd(bytes: Uint8Array, at: number, to: number): number {
  for (let i = at + 1; i < to; i++) {
    if (bytes[i] === backslash) i++
    else if (bytes[i] === quote) return i + 1
  }
  return to
}

function afterSpace(bytes: Uint8Array, at: number, to: number): number {
  let i = at
  while (i < to && (bytes[i] as number) <= 0x20) i++
  return i
}

function isSecret(bytes: Uint8Array, from: number, to: number): boolean {
  let name = decoder.decode(bytes.subarray(from + 1, to - 1))
  if (name.includes('\\')) {
    try {
      name = String(JSON.parse(`"${name}"`))
    } catch {
      return false
    }
  }
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

function joined(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
