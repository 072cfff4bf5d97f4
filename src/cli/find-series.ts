import { printable } from '../lib/printable.ts'
import type { Client } from './client.ts'

/** What is stored of a device, or of one of its metrics. */
export interface Found {
  readonly firstTime: string
  readonly lastTime: string
}

interface SeriesAnswer {
  readonly series: readonly {
    readonly metric: string
    readonly firstTime: string
    readonly lastTime: string
  }[]
}

const maxNamed = 20

/** The times between which the readings of a device lie. Throws a sentence where there is no such device or metric. */
export async function findSeries(client: Client, device: string, metric: string | undefined): Promise<Found> {
  const { series } = await client.get<SeriesAnswer>('/api/v1/series', {
    device,
    time: 'rfc3339',
    limit: '10000',
  })
  if (series.length === 0)
    throw new Error(`nothing is stored of a device ${device}; "sluice query" alone lists what there is`)
  const found = series.filter((one) => metric === undefined || one.metric === metric)
  if (found.length === 0) {
    const named = series.slice(0, maxNamed).map((one) => printable(one.metric))
    const more = series.length > maxNamed ? ` and ${series.length - maxNamed} more` : ''
    throw new Error(`device ${device} has no metric ${metric}; it has ${named.join(', ')}${more}`)
  }
  const times = found.flatMap(({ firstTime, lastTime }) => [firstTime, lastTime]).sort(byTime)
  return { firstTime: times[0] ?? '', lastTime: times.at(-1) ?? '' }
}

/** The form with µs does not sort beside the one with ms. */
function byTime(a: string, b: string): number {
  return Date.parse(a) - Date.parse(b)
}
