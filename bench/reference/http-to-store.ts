/**
 * The bar for `http-to-store`: `node:http`, `JSON.parse` of the one form that the generator sends into columns, which the log
 * thread writes and syncs before the 202, and which a store thread then appends to DuckDB. No limits, no recovery.
 *
 *   node bench/reference/http-to-store.ts --data DIR
 */
import { once } from 'node:events'
import http from 'node:http'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { bytesPerRow, columnSlab, usedRanges } from './column-slab.ts'
import { serveUntilSigterm } from './serve.ts'
import { SlabLog } from './slab-log.ts'
import { StoreThread } from './store-thread.ts'

/** More rows than all requests of the generator that are under way. */
const capacity = 128 * 1024
const slabCount = 8

interface Sent {
  readonly v: number
  readonly ts: number
  readonly device_id: string
  readonly tag_id: string
}

const { values } = parseArgs({ options: { data: { type: 'string', default: '.' } } })
const series = new Map<string, number>()
let rows = 0
let total = 0
const sealedRows = new Array<number>(slabCount).fill(0)
let answering: http.ServerResponse[] = []
let sealed: http.ServerResponse[] = []

const log = new SlabLog(
  path.join(values.data, 'reference.log'),
  capacity * bytesPerRow,
  slabCount,
  () => {
    if (rows === 0) return undefined
    const ranges = usedRanges(capacity, rows)
    sealedRows[log.open] = rows
    rows = 0
    sealed = answering
    answering = []
    return ranges
  },
  (slab) => {
    for (const response of sealed) response.writeHead(202).end()
    store.take(slab, sealedRows[slab] as number)
  },
)
const columns = log.slabs.map((slab) => columnSlab(slab, capacity))
const store = await StoreThread.start(values.data, log.slabs, capacity, (slab) => log.release(slab))

async function take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
  const sent = (await json(request)) as Sent | readonly Sent[] // as: the generator sends nothing else
  const open = columns[log.open]
  const readings = Array.isArray(sent) ? (sent as readonly Sent[]) : [sent as Sent]
  if (open === undefined || rows + readings.length > capacity)
    throw new RangeError('the requests are larger than a slab')
  for (const { v, ts, device_id, tag_id } of readings) {
    const name = `${device_id}|${tag_id}`
    let id = series.get(name)
    if (id === undefined) {
      id = series.size
      series.set(name, id)
    }
    open.series[rows] = id
    open.time[rows] = ts * 1000
    open.value[rows] = v
    open.quality[rows] = 192
    rows++
  }
  total += readings.length
  answering.push(response)
  log.schedule()
}

const server = http.createServer((request, response) => {
  take(request, response).catch((error: unknown) => {
    setImmediate(() => {
      throw error
    })
  })
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
await serveUntilSigterm(
  server,
  async () => {
    await log.close()
    console.log(JSON.stringify({ messages: total, stored: await store.finish(total), fsyncs: log.syncs }))
  },
  'http',
)
process.exit(0) // connections that the generator left open
