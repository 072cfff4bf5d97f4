import type { Route } from '../../core/format.ts'
import type { ValueKind } from '../../core/intake.ts'
import type { SeriesId } from '../../core/series.ts'
import { seriesOfRoute } from '../route-series.ts'
import { memberKey, serialKey } from './series-keys.ts'

const encoder = new TextEncoder()

/**
 * Keeps the series of a value for the scanner, by the parts of its key (see `memberKey`). `series` undefined is one that only the parser
 * takes.
 */
export function remember(
  route: Route,
  series: SeriesId | undefined,
  kind: ValueKind,
  deviceId: string,
  metricId: string,
  member: string,
  unit: string | undefined,
): void {
  if (series === undefined) return
  const unitBytes = unit === undefined ? undefined : encoder.encode(unit)
  if (kind === 'number' && deviceId === '' && metricId === '' && member === '') {
    route.valueSeries = series
    if (unitBytes !== undefined) seriesOfRoute(route).valueUnit = unitBytes
    return
  }
  // A member like "7" comes first in a JavaScript object wherever it stands in the payload: the scanner must not know it.
  if (!isPlain(deviceId) || !isPlain(metricId) || !isPlain(member) || /^\d/.test(member)) return
  const key = encoder.encode(memberKey(deviceId, metricId, member))
  seriesOfRoute(route).put(key, 0, key.length, series, kind, unitBytes)
}

/** Keeps the series of a serial number (F3). */
export function rememberSerial(
  route: Route,
  series: SeriesId | undefined,
  kind: ValueKind,
  serial: string,
): void {
  if (series === undefined || kind !== 'number' || !isPlain(serial)) return
  const key = encoder.encode(serialKey(serial))
  seriesOfRoute(route).put(key, 0, key.length, series)
}

/** Whether a name stands in a payload as it is; one that needs escapes would mix up keys. */
function isPlain(name: string): boolean {
  return !/["\\]/.test(name) && !name.includes('\x01')
}
