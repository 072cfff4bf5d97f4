import { formatDate, formatTime, type Zone } from '../format/time.ts'

const day = 86_400_000

/** Labels of a time axis whose marks lie `stepMs` apart: as much of the time as tells them apart, the date where it changes. */
export function axisLabels(marks: readonly number[], stepMs: number, zone: Zone): string[] {
  let lastDate = marks[0] === undefined ? '' : formatDate(marks[0] - stepMs, zone)
  return marks.map((ms) => {
    const date = formatDate(ms, zone)
    const isNewDay = date !== lastDate
    lastDate = date
    if (stepMs >= day) return date.slice(5)
    const time = stepMs < 1000 ? formatTime(ms, zone, 'ms') : formatTime(ms, zone)
    const clock = stepMs >= 60_000 ? time.slice(0, 5) : time
    return isNewDay && clock.startsWith('00:00') ? `${clock}\n${date.slice(5)}` : clock
  })
}
