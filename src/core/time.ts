import { maxMicros } from './limits.ts'

/** What a bare number that stands for a time counts. `guess` goes by magnitude, for forms that name no unit. */
export type TimeUnit = 's' | 'ms' | 'guess'

/** Below 1e11 seconds, below 1e14 ms, below 1e17 µs, else ns: the bounds that `guess` goes by. */
export const guessBounds = { s: 1e11, ms: 1e14, us: 1e17 } as const

/** A bare number as whole µs since 1970, rounded to the nearest; NaN where it lies beyond what is kept exactly. */
export function numberToMicros(value: number, unit: TimeUnit): number {
  let micros: number
  if (unit === 's') micros = value * 1e6
  else if (unit === 'ms') micros = value * 1e3
  else {
    const size = Math.abs(value)
    if (size < guessBounds.s) micros = value * 1e6
    else if (size < guessBounds.ms) micros = value * 1e3
    else if (size < guessBounds.us) micros = value
    else micros = Math.floor(value / 1e3)
  }
  return kept(Math.round(micros) + 0) // + 0: no -0
}

/** Days before each month of a year that is not a leap year, from index 1. */
const daysBefore = new Int32Array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
const daysIn = new Int32Array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
/** From 0000-01-01 to 1970-01-01 in the Gregorian calendar. */
const epochDays = 719_528

/**
 * bytes[from, to) as RFC 3339 §5.6 → whole µs since 1970; fractions below 1 µs are cut off, any number of digits may stand.
 * A second 60 counts as the first of the next minute. NaN where the bytes are no such time, or it is not kept exactly.
 */
export function rfc3339ToMicros(bytes: Uint8Array, from: number, to: number): number {
  //  0123456789012345678901
  //  2026-01-15T10:30:00.123456789+02:00
  if (to - from < 20) return Number.NaN
  const year = two(bytes, from) * 100 + two(bytes, from + 2)
  const month = two(bytes, from + 5)
  const day = two(bytes, from + 8)
  const hour = two(bytes, from + 11)
  const minute = two(bytes, from + 14)
  const second = two(bytes, from + 17)
  const between = bytes[from + 10] as number
  if (
    (year | month | day | hour | minute | second) < 0 ||
    bytes[from + 4] !== 0x2d ||
    bytes[from + 7] !== 0x2d ||
    (between !== 0x54 && between !== 0x74 && between !== 0x20) ||
    bytes[from + 13] !== 0x3a ||
    bytes[from + 16] !== 0x3a ||
    month < 1 ||
    month > 12 ||
    day < 1 ||
    day > (daysIn[month] as number) ||
    hour > 23 ||
    minute > 59 ||
    second > 60
  )
    return Number.NaN
  const isLeap = (year & 3) === 0 && (year % 100 !== 0 || year % 400 === 0)
  if (day === 29 && month === 2 && !isLeap) return Number.NaN

  let at = from + 19
  let fraction = 0
  if (bytes[at] === 0x2e) {
    const first = ++at
    let scale = 100_000
    for (; at < to; at++) {
      const digit = (bytes[at] as number) - 0x30
      if (digit < 0 || digit > 9) break
      fraction += digit * scale
      scale = (scale / 10) | 0
    }
    if (at === first) return Number.NaN
  }

  let offsetMinutes = 0
  const zone = bytes[at] as number
  if (zone === 0x5a || zone === 0x7a) at += 1
  else if (zone === 0x2b || zone === 0x2d) {
    if (to - at < 6 || bytes[at + 3] !== 0x3a) return Number.NaN
    const hours = two(bytes, at + 1)
    const minutes = two(bytes, at + 4)
    if ((hours | minutes) < 0 || hours > 23 || minutes > 59) return Number.NaN
    offsetMinutes = hours * 60 + minutes
    if (zone === 0x2d) offsetMinutes = -offsetMinutes
    at += 6
  } else return Number.NaN
  if (at !== to) return Number.NaN

  const leapDays = ((year + 3) >> 2) - (((year + 99) / 100) | 0) + (((year + 399) / 400) | 0)
  const days =
    year * 365 +
    leapDays +
    (daysBefore[month] as number) +
    (isLeap && month > 2 ? 1 : 0) +
    day -
    1 -
    epochDays
  const seconds = days * 86_400 + (hour * 60 + minute - offsetMinutes) * 60 + second
  return kept(seconds * 1e6 + fraction)
}

const encoder = new TextEncoder()

/** A text as RFC 3339, as above. */
export function parseRfc3339(text: string): number {
  const bytes = encoder.encode(text)
  return rfc3339ToMicros(bytes, 0, bytes.length)
}

/** Two decimal digits; negative where there are none, and so is every sum and `|` that we make with it. */
function two(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - 0x30
  const ones = (bytes[at + 1] as number) - 0x30
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) return -1_000_000
  return tens * 10 + ones
}

function kept(micros: number): number {
  return micros >= -maxMicros && micros <= maxMicros ? micros : Number.NaN
}
