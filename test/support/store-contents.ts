import { type OpenStore, openStore } from '../../src/stores/table.ts'

const never = new AbortController().signal

/** Every reading that the store of a stopped Sluice holds, as text, by device, metric, time and number; then its documents by stream. */
export async function storeContents(
  dataFolder: string,
  name: string,
  streams: readonly string[] = [],
): Promise<string[]> {
  const open = await openStore('duckdb', {}, { name, dataFolder })
  try {
    return [...(await readingsOf(open)), ...(await documentsOf(open, streams))]
  } finally {
    await open.store.close()
  }
}

async function readingsOf({ store }: OpenStore): Promise<string[]> {
  const rows: string[] = []
  const { rows: devices } = await store.devices(
    { prefix: '', match: '', after: undefined, limit: 1e6 },
    never,
  )
  for (const { device } of devices) {
    const everything = {
      metric: undefined,
      from: -(2 ** 53),
      to: 2 ** 53,
      limit: 1e7,
      after: undefined,
    } as const
    for await (const page of store.range({ ...everything, device, order: 'ascending' }, never)) {
      for (let i = 0; i < page.length; i++)
        rows.push(
          `${device} ${page.metric[i]} ${page.time[i]} ${page.text?.[i] ?? page.value[i]} q${page.quality[i]} #${page.seq[i]}`,
        )
    }
  }
  const latest = await store.latest(undefined, 1e6, never)
  for (const { device, metric, unit, time, value, seq } of latest)
    rows.push(`latest ${device} ${metric} ${unit} ${time} ${value} #${seq}`)
  return rows
}

async function documentsOf({ store }: OpenStore, streams: readonly string[]): Promise<string[]> {
  const all: string[] = []
  for (const stream of streams) {
    const query = { stream, key: undefined, from: -(2 ** 53), to: 2 ** 53, match: undefined, limit: 1e6 }
    for (const { key, time, seq, body } of await store.documents({ ...query, before: undefined }, never))
      all.push(`${stream} ${key} ${time} #${seq} ${body}`)
  }
  return all
}
