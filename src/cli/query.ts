import type { Aggregate } from '../core/store.ts'
import { printable } from '../lib/printable.ts'
import { Client } from './client.ts'
import { exitCode, usage } from './failure.ts'
import { findSeries } from './find-series.ts'
import { formatTable } from './table.ts'

export interface QueryOptions {
  readonly url: string
  readonly metric?: string
  readonly from?: string
  readonly to?: string
  readonly step?: string
  readonly aggregate?: string
  readonly limit?: string
  readonly order?: string
  readonly json?: boolean
}

interface Answer {
  readonly rows?: readonly {
    metric: string
    time: number | string
    value: number | string
    quality: number
  }[]
  readonly buckets?: readonly ({ metric: string; time: number | string } & Partial<
    Record<Aggregate, number | null>
  >)[]
  readonly next?: string
  readonly truncated?: true
}

/** `sluice query DEVICE`: readings of a device as a table, raw or in buckets; without a device the newest value of everything. */
export async function query(device: string | undefined, options: QueryOptions): Promise<number> {
  const client = new Client(options.url)
  if (device === undefined) return latest(client, options)
  const { metric, from, to, step, aggregate, limit, order } = options
  const answer = await client.get<Answer>('/api/v1/readings', {
    device,
    metric,
    from,
    to,
    step,
    aggregate,
    limit,
    order,
    time: 'rfc3339',
  })
  const isEmpty = (answer.buckets ?? answer.rows ?? []).length === 0
  if (options.json) say(printable(JSON.stringify(answer)))
  else if (!isEmpty) say(tableOf(answer, aggregate))
  if (isEmpty) {
    const { firstTime, lastTime } = await findSeries(client, device, metric)
    const whose = metric === undefined ? device : `${device} ${metric}`
    hint(
      `no reading in this range; those of ${whose} lie from ${firstTime} to ${lastTime}: see --from and --to`,
    )
  }
  if (answer.next !== undefined || answer.truncated)
    hint('there are more: raise --limit, or narrow --from and --to')
  return exitCode.ok
}

function tableOf({ rows, buckets }: Answer, aggregate = 'avg'): string {
  if (buckets === undefined) {
    const cells = (rows ?? []).map((row) => [row.time, row.metric, row.value, row.quality])
    return formatTable(['time', 'metric', 'value', 'quality'], cells)
  }
  const columns = aggregate.split(',')
  const cells = buckets.map((bucket) => [
    bucket.time,
    bucket.metric,
    // The server names the columns as they were asked for.
    ...columns.map((column) => bucket[column as Aggregate] ?? ''),
  ])
  return formatTable(['time', 'metric', ...columns], cells)
}

interface Latest {
  readonly latest: readonly {
    device: string
    metric: string
    unit: string
    time: string
    value: number | string
    quality: number
  }[]
  readonly truncated?: true
}

/** Options that mean something for the readings of one device only. */
const ofDevice = ['metric', 'from', 'to', 'step', 'aggregate', 'order'] as const

async function latest(client: Client, options: QueryOptions): Promise<number> {
  const idle = ofDevice.filter((name) => options[name] !== undefined).map((name) => `--${name}`)
  if (idle.length > 0)
    throw usage(
      `${idle.join(', ')} ${idle.length === 1 ? 'needs' : 'need'} a device, such as: sluice query pump1 ${idle[0]} …; "sluice query" alone lists what there is`,
    )
  const answer = await client.get<Latest>('/api/v1/latest', { limit: options.limit, time: 'rfc3339' })
  const rows = answer.latest.map((row) => [
    row.device,
    row.metric,
    row.value,
    row.unit,
    row.quality,
    row.time,
  ])
  if (options.json) say(printable(JSON.stringify(answer)))
  else if (rows.length > 0) say(formatTable(['device', 'metric', 'value', 'unit', 'quality', 'time'], rows))
  if (rows.length === 0) hint('nothing is stored yet')
  if (answer.truncated) hint('there are more: raise --limit')
  return exitCode.ok
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** What a table does not show; standard output stays what a program can read. */
function hint(text: string): void {
  process.stderr.write(`${printable(text)}\n`)
}
