/** What a number means; the last word of a key's name says it (`maxBytes`, `lingerMs`, `retentionDays`). */
export type Unit = 'bytes' | 'micros' | 'ms' | 'seconds' | 'days'

const suffixes: readonly (readonly [suffix: string, unit: Unit])[] = [
  ['bytes', 'bytes'],
  ['micros', 'micros'],
  ['ms', 'ms'],
  ['seconds', 'seconds'],
  ['days', 'days'],
]

/** The unit of the number under this key, or undefined where it is a plain number. */
export function unitOf(key: string): Unit | undefined {
  return suffixes.find(
    ([suffix]) => key === suffix || key.endsWith(suffix.charAt(0).toUpperCase() + suffix.slice(1)),
  )?.[1]
}

export const example: Readonly<Record<Unit, string>> = {
  bytes: '64 KiB or 20 GB',
  micros: '500ms or 1h',
  ms: '100ms or 5s',
  seconds: '30s or 1h',
  days: '36h or 7d',
}

/** Factors of a size: kB is 1,000 bytes, KiB is 1,024. */
const sizes: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
}

/** Microseconds of a duration's units. */
const durations: Readonly<Record<string, number>> = {
  us: 1,
  µs: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  min: 60e6,
  h: 3_600e6,
  d: 86_400e6,
  w: 604_800e6,
}

const microsOf: Readonly<Record<Exclude<Unit, 'bytes'>, number>> = {
  micros: 1,
  ms: 1e3,
  seconds: 1e6,
  days: 86_400e6,
}

/** "64 KiB" as bytes, "7d" as whatever the unit counts; a bare number is in the unit already. undefined if it is neither. */
export function parseQuantity(text: string, unit: Unit): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([a-zµ]*)\s*$/i.exec(text)
  if (match === null) return undefined
  const amount = Number(match[1])
  const word = (match[2] ?? '').toLowerCase()
  if (word === '') return amount
  const factor = unit === 'bytes' ? own(sizes, word) : own(durations, word)
  if (factor === undefined) return undefined
  if (unit === 'bytes') return Math.round(amount * factor)
  const micros = microsOf[unit]
  // Dividing the larger by the smaller keeps whole numbers whole.
  return factor >= micros ? amount * (factor / micros) : amount / (micros / factor)
}

/** The number as people write it: 65536 bytes are "64 KiB", 20e9 are "20 GB", 3600e6 µs are "1h". */
export function formatQuantity(value: number, unit: Unit): string {
  if (value === 0) return '0'
  if (unit === 'bytes') {
    let shortest = String(value)
    for (const word of ['kB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB', 'TiB']) {
      const amount = value / (own(sizes, word.toLowerCase()) ?? 1)
      if (Number.isInteger(amount) && amount < Number.parseInt(shortest, 10)) shortest = `${amount} ${word}`
    }
    return shortest
  }
  for (const word of ['d', 'h', 'm', 's', 'ms']) {
    const factor = own(durations, word) ?? 1
    const micros = microsOf[unit]
    const amount = factor >= micros ? value / (factor / micros) : value * (micros / factor)
    if (Number.isInteger(amount)) return `${amount}${word}`
  }
  return `${value * microsOf[unit]}us`
}

function own(table: Readonly<Record<string, number>>, word: string): number | undefined {
  return Object.hasOwn(table, word) ? table[word] : undefined
}
