import { createFleet, type DevRow, type DevSeries, lastRow, rowsBetween } from './fleet.ts'

/** A row that was posted, beside those that follow from the time. */
export interface PostedRow {
  readonly device: string
  readonly metric: string
  readonly unit: string
  readonly time: number
  readonly value: number | string
  readonly quality: number
  /** When it came, in ms: its place in the made-up log. */
  readonly at: number
}

/** Everything the development server can be asked, as far back as it is asked. The log's numbers are microseconds of the clock. */
export class DevHistory {
  readonly fleet: readonly DevSeries[]
  readonly posted: PostedRow[] = []

  constructor(devices: number) {
    this.fleet = createFleet(devices)
  }

  seriesOf(device: string): DevSeries[] {
    return this.fleet.filter((series) => series.device === device)
  }

  devices(prefix: string): { device: string; series: number; lastTime: number }[] {
    const found = new Map<string, { device: string; series: number; lastTime: number }>()
    for (const { device, time } of this.latest(undefined)) {
      if (!device.startsWith(prefix)) continue
      const entry = found.get(device) ?? { device, series: 0, lastTime: 0 }
      found.set(device, { device, series: entry.series + 1, lastTime: Math.max(entry.lastTime, time) })
    }
    return [...found.values()].sort((a, b) => (a.device < b.device ? -1 : 1))
  }

  latest(device: string | undefined): Omit<PostedRow, 'at'>[] {
    const made = this.fleet
      .filter((series) => device === undefined || series.device === device)
      .map((series) => flat(lastRow(series, Date.now())))
    const posted = new Map<string, Omit<PostedRow, 'at'>>()
    for (const { at: _, ...row } of this.posted)
      if (device === undefined || row.device === device) posted.set(`${row.device}\n${row.metric}`, row)
    return [...made, ...posted.values()]
  }

  rows(device: string, metric: string | undefined, from: number, to: number): Omit<PostedRow, 'at'>[] {
    const until = Math.min(to, Date.now())
    const made = this.seriesOf(device)
      .filter((series) => metric === undefined || series.metric === metric)
      .flatMap((series) => rowsBetween(series, from, until).map(flat))
    const posted = this.posted.filter(
      (row) =>
        row.device === device &&
        (metric === undefined || row.metric === metric) &&
        row.time >= from &&
        row.time < to,
    )
    return [...made, ...posted.map(({ at: _, ...row }) => row)]
  }

  /** Rows that entered the log in [from, to) ms, for live subscribers. */
  entered(
    from: number,
    to: number,
    wants: (device: string, metric: string) => boolean,
  ): Omit<PostedRow, 'at'>[] {
    const made = this.fleet
      .filter((series) => wants(series.device, series.metric))
      .flatMap((series) => rowsBetween(series, from, to).map(flat))
    const posted = this.posted.filter((row) => row.at >= from && row.at < to && wants(row.device, row.metric))
    return [...made, ...posted.map(({ at: _, ...row }) => row)].sort((a, b) => a.time - b.time)
  }

  /** Rows a second, of the whole fleet. */
  get rate(): number {
    return this.fleet.reduce((sum, series) => sum + 1000 / series.periodMs, 0)
  }
}

function flat({ series, time, value, quality }: DevRow): Omit<PostedRow, 'at'> {
  return { device: series.device, metric: series.metric, unit: series.unit, time, value, quality }
}
