// hot: bench/decode: int32 steps took the scan of an F5 message from 135 to 100 ns
import { kind, type Tokens } from './tokens.ts'

/** Powers of ten that a double holds exactly. */
const powers = new Float64Array(23)
for (let i = 0; i < powers.length; i++) powers[i] = Number(`1e${i}`)

/** Below it every integer is exact. */
const exact = 2 ** 53

/**
 * Reads the JSON number at bytes[at], to the very double that `Number` would give, into place `slot` of the tokens. Returns
 * where it ends, or -1 where it is no number, or one that only `Number` or nobody can hold: from 2^53 on the parser judges.
 */
export function exactNumber(bytes: Uint8Array, at: number, to: number, tokens: Tokens, slot: number): number {
  let i = at
  const isNegative = bytes[i] === 0x2d
  if (isNegative) i++
  const start = i
  // Nine digits at a time in an int32: a step of an integer is quicker than one of a double, and each waits for the one before.
  let mantissa = 0
  let chunk = 0
  let inChunk = 0
  let point = -1
  for (; i < to; i++) {
    const digit = (bytes[i] as number) - 0x30
    if (digit >>> 0 <= 9) {
      chunk = (Math.imul(chunk, 10) + digit) | 0
      if (++inChunk === 9) {
        mantissa = mantissa * 1e9 + chunk
        chunk = 0
        inChunk = 0
      }
    } else if (digit === -2 && point < 0) point = i
    else break
  }
  mantissa = mantissa * (powers[inChunk] as number) + chunk
  let isInteger = point < 0
  const integerDigits = (isInteger ? i : point) - start
  let scale = isInteger ? 0 : i - point - 1
  if (integerDigits < 1 || (!isInteger && scale === 0)) return -1
  if (integerDigits > 1 && bytes[start] === 0x30) return -1
  const end = i
  if (i < to && ((bytes[i] as number) | 0x20) === 0x65) {
    i++
    let isDown = false
    if (i < to && (bytes[i] === 0x2d || bytes[i] === 0x2b)) isDown = bytes[i++] === 0x2d
    const first = i
    let exponent = 0
    for (; i < to; i++) {
      const digit = (bytes[i] as number) - 0x30
      if (digit >>> 0 > 9) break
      exponent = (Math.imul(exponent, 10) + digit) | 0
    }
    // More digits are refused, or zeros that nobody writes.
    if (i === first || i - first > 4) return -1
    scale += isDown ? exponent : -exponent
    isInteger = false
  }

  let value: number
  if (mantissa < exact) {
    // Both operands are exact, so the one rounding is the right one (Clinger 1990).
    if (scale === 0) value = mantissa
    else if (scale > 0 && scale <= 22) value = mantissa / (powers[scale] as number)
    else if (scale < 0 && scale >= -22) {
      value = mantissa * (powers[-scale] as number)
      if (value >= exact) return -1
    } else return -1
  } else if (isInteger) {
    // Only as a time in ns, which is 1e17 or more.
    if (integerDigits < 18 || integerDigits > 19) return -1
    return longInteger(bytes, start, end, isNegative, tokens, slot)
  } else {
    value = longQuotient(bytes, start, end, scale)
    if (value < 0 || value >= exact) return -1
  }
  tokens.kinds[slot] = kind.number
  tokens.numbers[slot] = isNegative ? -value : value
  return i
}

function longInteger(
  bytes: Uint8Array,
  start: number,
  end: number,
  isNegative: boolean,
  tokens: Tokens,
  slot: number,
): number {
  let cut = 0
  for (let i = start; i < end - 3; i++) cut = cut * 10 + (bytes[i] as number) - 0x30
  if (cut >= exact) return -1
  tokens.kinds[slot] = kind.longInteger
  tokens.numbers[slot] = isNegative ? -cut : cut
  return end
}

/**
 * Up to 19 significant digits over a power of ten, as senders write doubles in full (`-0.8390715290764524`). The quotient is taken
 * in two doubles, about 106 bits, with error-free products (Dekker 1971); where that is too close to the middle between
 * two doubles to say which is nearer, or the number has another shape, the answer is -1.
 */
function longQuotient(bytes: Uint8Array, start: number, end: number, scale: number): number {
  if (scale <= 0 || scale > 22) return -1
  let i = start
  while (i < end && (bytes[i] === 0x30 || bytes[i] === 0x2e)) i++
  let head = 0 // up to 13 digits
  let tail = 0 // up to 6 more
  let digits = 0
  let tailPower = 1
  for (; i < end; i++) {
    const digit = (bytes[i] as number) - 0x30
    if (digit < 0) continue // the point
    if (digits < 13) head = head * 10 + digit
    else {
      tail = tail * 10 + digit
      tailPower *= 10
    }
    digits++
  }
  if (digits > 19) return -1
  const divisor = powers[scale] as number

  const product = head * tailPower
  const high = product + tail
  const low = productError(head, tailPower, product) + (tail - (high - product))
  const quotient = high / divisor
  const back = quotient * divisor
  const rest = high - back - productError(quotient, divisor, back) + low
  const correction = rest / divisor
  const doubt = Math.abs(correction) * 2 ** -40
  const value = quotient + (correction + doubt)
  return value === quotient + (correction - doubt) ? value : -1
}

/** a × b - product, exactly. */
function productError(a: number, b: number, product: number): number {
  const aHigh = upperHalf(a)
  const aLow = a - aHigh
  const bHigh = upperHalf(b)
  const bLow = b - bHigh
  return aLow * bLow - (product - aHigh * bHigh - aLow * bHigh - aHigh * bLow)
}

/** The upper 26 bits (Veltkamp). */
function upperHalf(a: number): number {
  const c = 134_217_729 * a // 2^27 + 1
  return c - (c - a)
}
