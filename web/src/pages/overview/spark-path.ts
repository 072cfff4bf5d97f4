import type { TraceColumns } from '../../chart/trace.ts'

/** The line of a trace in 120 × 30, from its lowest to its highest value; broken where data is missing. */
export function sparkPath(
  { time, mid }: Pick<TraceColumns, 'time' | 'mid'>,
  from: number,
  to: number,
): string {
  const isInside = (at: number) => at >= from && at <= to
  const inside = mid.map((value, i) => (isInside(time[i] ?? 0) ? value : null))
  const values = inside.filter((value) => value !== null)
  if (values.length === 0) return ''
  const low = Math.min(...values)
  const high = Math.max(...values)
  let path = ''
  let isPenDown = false
  inside.forEach((value, i) => {
    if (value === null) {
      isPenDown = false
      return
    }
    const x = 1 + (((time[i] ?? 0) - from) / (to - from)) * 118
    // A value that does not move is a line in the middle.
    const y = high === low ? 15 : 28 - ((value - low) / (high - low)) * 26
    path += `${isPenDown ? 'L' : 'M'}${x.toFixed(1)},${y.toFixed(1)}`
    isPenDown = true
  })
  return path
}
