import type { Aggregate } from '../core/store.ts'
import { Client } from './client.ts'
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
  if (options.json) return say(JSON.stringify(answer))
  if (answer.buckets) {
    const columns = (aggregate ?? 'avg').split(',')
    const rows = answer.buckets.map((bucket) => [
      bucket.time,
      bucket.metric,
      // The server names the columns as they were asked for.
      ...columns.map((column) => bucket[column as Aggregate] ?? ''),
    ])
    return say(formatTable(['time', 'metric', ...columns], rows))
  }
  const rows = (answer.rows ?? []).map((row) => [row.time, row.metric, row.value, row.quality])
  say(formatTable(['time', 'metric', 'value', 'quality'], rows))
  if (answer.next !== undefined)
    process.stderr.write('there are more: raise --limit, or narrow --from and --to\n')
  return 0
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
}

async function latest(client: Client, options: QueryOptions): Promise<number> {
  const answer = await client.get<Latest>('/api/v1/latest', { limit: options.limit, time: 'rfc3339' })
  if (options.json) return say(JSON.stringify(answer))
  const rows = answer.latest.map((row) => [
    row.device,
    row.metric,
    row.value,
    row.unit,
    row.quality,
    row.time,
  ])
  return say(formatTable(['device', 'metric', 'value', 'unit', 'quality', 'time'], rows))
}

function say(text: string): number {
  process.stdout.write(`${text}\n`)
  return 0
}
