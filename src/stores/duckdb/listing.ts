import type { DevicePage, DeviceQuery, DeviceRow, LatestRow, SeriesRow } from '../../core/store.ts'
import { compareText, numberKind, type SeriesTable, textKind } from './series-table.ts'

/** Newest row per series by device and metric: from memory, nothing is scanned. */
export function listLatest(series: SeriesTable, device: string | undefined, limit: number): LatestRow[] {
  const rows: LatestRow[] = []
  for (const name of device === undefined ? series.sortedDevices() : [device]) {
    for (const [metric, own] of series.metricsOf(name)) {
      if (rows.length >= limit) return rows
      const time = series.latestTime[own] as number
      if (time === -Infinity) continue
      rows.push({
        device: name,
        metric,
        unit: series.units[own] ?? '',
        time,
        value: series.latestText.get(own) ?? (series.latestValue[own] as number),
        quality: series.latestQuality[own] as number,
        seq: series.latestSeq[own] as bigint,
      })
    }
  }
  return rows
}

/** A page of the devices that have rows, in order of name. All names are looked at, because all that fit are counted. */
export function listDevices(series: SeriesTable, { prefix, match, after, limit }: DeviceQuery): DevicePage {
  const lower = match.toLowerCase()
  const rows: DeviceRow[] = []
  let total = 0
  for (const device of series.sortedDevices()) {
    if (!device.startsWith(prefix) || (lower !== '' && !device.toLowerCase().includes(lower))) continue
    const row = deviceRow(series, device)
    if (row === undefined) continue
    total++
    if (rows.length < limit && (after === undefined || compareText(device, after) > 0)) rows.push(row)
  }
  return { rows, total }
}

function deviceRow(table: SeriesTable, device: string): DeviceRow | undefined {
  let series = 0
  let lastTime = -Infinity
  for (const own of table.ofDevice(device)) {
    const time = table.latestTime[own] as number
    if (time === -Infinity) continue
    series++
    if (time > lastTime) lastTime = time
  }
  return series === 0 ? undefined : { device, series, lastTime }
}

/** Series that have rows, by device and metric. */
export function listSeries(
  series: SeriesTable,
  device: string | undefined,
  after: { device: string; metric: string } | undefined,
  limit: number,
): SeriesRow[] {
  const rows: SeriesRow[] = []
  for (const name of device === undefined ? series.sortedDevices() : [device]) {
    const order = after === undefined ? 1 : compareText(name, after.device)
    if (order < 0) continue
    for (const [metric, own] of series.metricsOf(name)) {
      if (rows.length >= limit) return rows
      if (order === 0 && compareText(metric, after?.metric ?? '') <= 0) continue
      const lastTime = series.latestTime[own] as number
      if (lastTime === -Infinity) continue
      rows.push({
        device: name,
        metric,
        unit: series.units[own] ?? '',
        kind: kindName(series.kinds[own] as number),
        firstTime: series.first[own] as number,
        lastTime,
      })
    }
  }
  return rows
}

function kindName(kinds: number): SeriesRow['kind'] {
  return kinds === (numberKind | textKind) ? 'mixed' : kinds === textKind ? 'text' : 'number'
}
