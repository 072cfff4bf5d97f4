import type { Route } from '../../core/format.ts'
import type { SeriesId } from '../../core/series.ts'
import { memberKey, seriesOfRoute, serialKey } from './series-cache.ts'

const encoder = new TextEncoder()

/**
 * Keeps the series of a numeric value for the scanner, by the parts of its key (see `memberKey`). `series` undefined is a text: the
 * scanner leaves those to the parser, because a declared kind must be asked for each time.
 */
export function remember(
  route: Route,
  series: SeriesId | undefined,
  deviceId: string,
  metricId: string,
  member: string,
  unit: string | undefined,
): void {
  if (series === undefined) return
  const unitBytes = unit === undefined ? undefined : encoder.encode(unit)
  if (deviceId === '' && metricId === '' && member === '') {
    route.valueSeries = series
    if (unitBytes !== undefined) seriesOfRoute(route).valueUnit = unitBytes
    return
  }
  // A member like "7" comes first in a JavaScript object wherever it stands in the payload: the scanner must not know it.
  if (!isPlain(deviceId) || !isPlain(metricId) || !isPlain(member) || /^\d/.test(member)) return
  const key = encoder.encode(memberKey(deviceId, metricId, member))
  seriesOfRoute(route).put(key, 0, key.length, series, unitBytes)
}

/** Keeps the series of a serial number (F3). */
export function rememberSerial(route: Route, series: SeriesId | undefined, serial: string): void {
  if (series === undefined || !isPlain(serial)) return
  const key = encoder.encode(serialKey(serial))
  seriesOfRoute(route).put(key, 0, key.length, series)
}

/** Whether a name stands in a payload as it is; one that needs escapes would mix up keys. */
function isPlain(name: string): boolean {
  return !/["\\]/.test(name) && !name.includes('\x01')
}
