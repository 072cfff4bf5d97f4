import { afterSpace, isSecret, Masking, maxNameBytes, quote, backslash, stringEnd } from './mask-tokens.ts'

/** How the names of secrets end, in lower case, without `-` and `_`: `access_token`, `mqttPassword`, `X-API-Key`. */
const secretEnding = /(?:token|password|passwd|authorization|secret|apikey)$/
/** The last letters of those, so that few names need be looked at. */
const lastLetters = tableOf('nNdDtTyY')
/** The first word of a credential that has two. */
const scheme = /^(?:basic|bearer|digest|negotiate|token|apikey)$/i
const maxSchemeBytes = 12
/** Between a name and its value. */
const separators = tableOf(':=>')
/** What may stand behind a value. */
const enders = tableOf(',}]&;')
const joints = tableOf('_-')
const words = tableOf('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-')

const [comma, colon, equals, apostrophe, newline] = [0x2c, 0x3a, 0x3d, 0x27, 0x0a]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

/**
 * Payload bytes[from, to) of which nobody knows the form, since it could not be read, with what may be a secret replaced by "***": whatever
 * stands behind a name of secrets and a colon or an equals sign, with quotes of any kind or none, up to where the next member seems to begin.
 * Rather too much than too little. It takes time in proportion to the bytes, whatever they are.
 */
export function maskBroken(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const masking = new Masking(bytes, from, to)
  let at = from
  while (at < to) {
    const nameEnd = pastName(bytes, at, to)
    if (nameEnd < 0) {
      at = -nameEnd
      continue
    }
    const value = valueStart(bytes, nameEnd, to)
    const end = value === undefined ? nameEnd : secretEnd(bytes, value, to)
    if (value !== undefined && end > value) {
      // In a string the quotes stay escaped: the text around it keeps its form.
      const quoteAt = pastBackslashes(bytes, value, to)
      const isEscaped = quoteAt > value && bytes[quoteAt] === quote
      masking.mask(value, end, isEscaped ? bytes.subarray(value, quoteAt) : undefined)
    }
    at = end
  }
  return masking.result()
}

/** Past the name of a secret that begins at `at`; or, below 0, minus the place where the next name may begin. */
function pastName(bytes: Uint8Array, at: number, to: number): number {
  if (bytes[at] === quote) {
    // A name with escapes is no word.
    const end = stringEnd(bytes, at, Math.min(to, at + maxNameBytes))
    const isEscaped = bytes[end - 1] === quote && hasBackslash(bytes, at, end)
    return isEscaped && isSecret(bytes, at, end) ? end : -(at + 1)
  }
  const end = pastWord(bytes, at, to)
  if (end === at) return -(at + 1)
  if (end - at < 5 || end - at > maxNameBytes || lastLetters[lastOf(bytes, at, end)] !== 1) return -end
  const name = textOf(bytes, at, end).toLowerCase().replaceAll(/[_-]/g, '')
  return secretEnding.test(name) ? end : -end
}

function hasBackslash(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === backslash) return true
  return false
}

/** The last byte of a word that is no joint. */
function lastOf(bytes: Uint8Array, from: number, to: number): number {
  let last = to - 1
  while (last > from && joints[bytes[last] as number] === 1) last--
  return bytes[last] as number
}

/** Where the value of the name that ends at `at` begins; undefined: it names none. */
function valueStart(bytes: Uint8Array, at: number, to: number): number | undefined {
  let i = afterSpace(bytes, pastQuote(bytes, at, to), to)
  if (bytes[i] !== colon && bytes[i] !== equals) return undefined
  while (i < to && separators[bytes[i] as number] === 1) i++
  i = afterSpace(bytes, i, to)
  return i < to ? i : undefined
}

/** End of the secret at `at`. */
function secretEnd(bytes: Uint8Array, at: number, to: number): number {
  const quoteAt = pastBackslashes(bytes, at, to)
  if (isQuote(bytes[quoteAt])) return tailEnd(bytes, quotedEnd(bytes, quoteAt, quoteAt - at, to), to, true)
  if (bytes[at] === openBrace || bytes[at] === openBracket)
    return tailEnd(bytes, nestedEnd(bytes, at, to), to, true)
  return tailEnd(bytes, at, to, false)
}

/**
 * Past the quote that closes the one at `at`, which has `level` backslashes before it: a string in a string has 1, one in that has 3. Where
 * the string around it ends before, that is the end.
 */
function quotedEnd(bytes: Uint8Array, at: number, level: number, to: number): number {
  let run = 0
  for (let i = at + 1; i < to; i++) {
    if (bytes[i] === backslash) {
      run++
      continue
    }
    if (bytes[i] === bytes[at]) {
      if (run < level) return i - run
      if ((run - level) % (2 * (level + 1)) === 0) return i + 1
    }
    run = 0
  }
  return to
}

function nestedEnd(bytes: Uint8Array, at: number, to: number): number {
  let depth = 0
  let i = at
  while (i < to) {
    const quoteAt = pastBackslashes(bytes, i, to)
    if (bytes[quoteAt] === quote) {
      i = quotedEnd(bytes, quoteAt, quoteAt - i, to)
      continue
    }
    i = quoteAt
    const byte = bytes[i]
    if (byte === openBrace || byte === openBracket) depth++
    else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return i + 1
    i++
  }
  return to
}

/** From `from` on, behind a closed value or at the beginning of one without quotes: to where the next member seems to begin. */
function tailEnd(bytes: Uint8Array, from: number, to: number, isQuoted: boolean): number {
  let isClosed = isQuoted
  let i = from
  while (i < to) {
    const byte = bytes[i] as number
    if (byte === closeBrace || byte === closeBracket || byte === newline) return i
    const next = afterSpace(bytes, i + 1, to)
    if (byte <= 0x20) {
      if (next === to || (!isScheme(bytes, from, i) && isName(bytes, next, to))) return i
      i = next
      continue
    }
    if (byte === comma && (isClosed || next === to || isStart(bytes, next, to))) return i
    if (enders[byte] === 1 && byte !== comma && (isClosed || isName(bytes, next, to))) return i
    if (isQuote(byte)) {
      if (isClosed && isName(bytes, i, to)) return i
      // Behind a closed value a lone quote is the end of what it was torn from; else it is that of the text around.
      if (next === to || enders[bytes[next] as number] === 1) return isQuoted && !isClosed ? i + 1 : i
    }
    isClosed = false
    i++
  }
  return to
}

/** A name of anything begins at `at`, and its value behind it. */
function isName(bytes: Uint8Array, at: number, to: number): boolean {
  const start = pastQuote(bytes, at, to)
  const end = pastWord(bytes, start, Math.min(to, start + maxNameBytes))
  if (end === start) return false
  const i = afterSpace(bytes, pastQuote(bytes, end, to), to)
  if (bytes[i] === colon) return true
  // The last ones of base64 are no such sign.
  const behind = bytes[i + 1]
  return (
    bytes[i] === equals &&
    i + 1 < to &&
    behind !== equals &&
    (behind as number) > 0x20 &&
    enders[behind as number] !== 1
  )
}

function isStart(bytes: Uint8Array, at: number, to: number): boolean {
  const byte = bytes[pastBackslashes(bytes, at, to)] as number
  return (
    byte === openBrace || byte === openBracket || enders[byte] === 1 || isQuote(byte) || isName(bytes, at, to)
  )
}

function isScheme(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from <= maxSchemeBytes && scheme.test(textOf(bytes, from, to))
}

function pastWord(bytes: Uint8Array, at: number, to: number): number {
  let i = at
  while (i < to && words[bytes[i] as number] === 1) i++
  return i
}

function pastBackslashes(bytes: Uint8Array, at: number, to: number): number {
  let i = at
  while (i < to && bytes[i] === backslash) i++
  return i
}

/** Past a quote with its backslashes, if one stands there. */
function pastQuote(bytes: Uint8Array, at: number, to: number): number {
  const i = pastBackslashes(bytes, at, to)
  return i < to && isQuote(bytes[i]) ? i + 1 : at
}

function isQuote(byte: number | undefined): boolean {
  return byte === quote || byte === apostrophe
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}

/** 1 for each byte that is one of the characters. */
function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256)
  for (const byte of Buffer.from(characters)) table[byte] = 1
  return table
}
