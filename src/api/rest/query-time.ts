/** A time as an answer writes it, without quotes that are not its own. */
export type TimeText = (micros: number) => string

/** ms since 1970, with a fraction where there are µs. */
export const millisText: TimeText = (micros) => String(micros / 1000)

/** RFC 3339 in UTC with ms, or µs where there are some, in quotes. */
export const rfc3339Text: TimeText = (micros) => {
  const ms = Math.floor(micros / 1000)
  const rest = micros - ms * 1000
  const text = new Date(ms).toISOString()
  return rest === 0 ? `"${text}"` : `"${text.slice(0, -1)}${String(rest).padStart(3, '0')}Z"`
}
