/** Which clock times are shown by. */
export type Zone = 'local' | 'utc'

interface Parts {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
}

/** `2026-01-15` */
export function formatDate(ms: number, zone: Zone): string {
  const { year, month, day } = partsOf(ms, zone)
  return `${year}-${two(month)}-${two(day)}`
}

/** `10:30:00`, with three decimals where `precision` is ms and six where it is us and the time has them. */
export function formatTime(ms: number, zone: Zone, precision: 's' | 'ms' | 'us' = 's'): string {
  const { hour, minute, second } = partsOf(ms, zone)
  const clock = `${two(hour)}:${two(minute)}:${two(second)}`
  if (precision === 's') return clock
  const micros = Math.round((ms - Math.floor(ms / 1000) * 1000) * 1000)
  const fraction = String(Math.min(999_999, micros)).padStart(6, '0')
  const isCoarse = precision === 'ms' || fraction.endsWith('000')
  return `${clock}.${isCoarse ? fraction.slice(0, 3) : fraction}`
}

/** `2026-01-15 10:30:00.123`: sorts as it reads. */
export function formatMoment(ms: number, zone: Zone, precision: 's' | 'ms' | 'us' = 's'): string {
  return `${formatDate(ms, zone)} ${formatTime(ms, zone, precision)}`
}

const spans = [
  { ms: 86_400_000, name: 'd' },
  { ms: 3_600_000, name: 'h' },
  { ms: 60_000, name: 'min' },
  { ms: 1000, name: 's' },
] as const

/** How long ago: `now` below two seconds (or ahead), `4 s ago`, `3 min ago`, `5 d ago`. */
export function formatAgo(ageMs: number): string {
  return ageMs < 2000 ? 'now' : `${formatSpan(ageMs)} ago`
}

/** A duration in its largest unit: `250 ms`, `15 min`, `7 d`. */
export function formatSpan(ms: number): string {
  if (ms < 1000) return `${Number(ms.toFixed(ms < 1 ? 3 : 0))}\u202fms`
  const span = spans.find((s) => ms >= s.ms) ?? spans[3]
  return `${Math.floor(ms / span.ms)}\u202f${span.name}`
}

/** What the zone is called here: `UTC`, `GMT+2`, `CET`. */
export function zoneName(zone: Zone, ms: number): string {
  if (zone === 'utc') return 'UTC'
  const parts = new Intl.DateTimeFormat('en', { timeZoneName: 'short' }).formatToParts(ms)
  return parts.find((part) => part.type === 'timeZoneName')?.value ?? 'local time'
}

/** For `<input type="datetime-local">`: `2026-01-15T10:30:00` in the zone. */
export function toInput(ms: number, zone: Zone): string {
  return `${formatDate(ms, zone)}T${formatTime(ms, zone)}`
}

/** What such an input holds, as ms; undefined where it holds no time. */
export function fromInput(text: string, zone: Zone): number | undefined {
  const ms = Date.parse(zone === 'utc' ? `${text}Z` : text)
  return Number.isNaN(ms) ? undefined : ms
}

function partsOf(ms: number, zone: Zone): Parts {
  const date = new Date(Math.floor(ms))
  return zone === 'utc'
    ? {
        year: date.getUTCFullYear(),
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
        hour: date.getUTCHours(),
        minute: date.getUTCMinutes(),
        second: date.getUTCSeconds(),
      }
    : {
        year: date.getFullYear(),
        month: date.getMonth() + 1,
        day: date.getDate(),
        hour: date.getHours(),
        minute: date.getMinutes(),
        second: date.getSeconds(),
      }
}

function two(n: number): string {
  return String(n).padStart(2, '0')
}
