import { maxMicros } from './limits.ts'
import { numberToMicros, parseRfc3339 } from './time.ts'

/** µs of the units that durations are written in. */
const unitMicros: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3600e6,
  d: 86_400e6,
  w: 7 * 86_400e6,
}

/** `1m`, `500ms`, `1.5h`, or a bare number of ms → whole µs; undefined where it is no duration of at least 1 µs. */
export function readDuration(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)(us|ms|s|m|h|d|w)?$/.exec(text)
  if (match === null) return undefined
  const micros = Math.round(Number(match[1]) * (unitMicros[match[2] ?? 'ms'] ?? Number.NaN))
  return Number.isSafeInteger(micros) && micros > 0 ? micros : undefined
}

/** Nothing older is stored. Whoever asks from the year 1, which is where some clocks begin, means everything. */
const earliest = -maxMicros

/** ms since 1970 (fractions allowed), RFC 3339, `now`, or a duration before it such as `-15m` → µs since 1970. */
export function readTime(text: string, nowMicros: number): number | undefined {
  if (text === 'now') return nowMicros
  if (/^-?\d{1,17}(\.\d{1,9})?$/.test(text)) {
    const ms = Math.max(Number(text), earliest / 1000)
    return finite(numberToMicros(ms, 'ms'))
  }
  if (text.startsWith('-')) {
    const before = readDuration(text.slice(1))
    return before === undefined ? undefined : finite(nowMicros - before)
  }
  // A query string turns the + of an offset into a space, unless its writer escaped it.
  const written = text.replace(/ (\d\d:\d\d)$/, '+$1')
  const micros = finite(parseRfc3339(written))
  // Whether an early date is one at all, a later century tells.
  const isEarly = micros === undefined && !Number.isNaN(parseRfc3339(written.replace(early, '20')))
  return isEarly ? earliest : micros
}

const early = /^(?:0\d|1[0-6])(?=\d\d-)/

const finite = (micros: number) => (Number.isNaN(micros) ? undefined : micros)
