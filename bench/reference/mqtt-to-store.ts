// hot: bench/mqtt-to-store
/**
 * The bar for `mqtt-to-store`: the reference of `mqtt-to-log` with a byte scan of the one payload form into columns, which the log
 * thread writes and syncs, and which a store thread then appends to DuckDB.
 *
 *   node bench/reference/mqtt-to-store.ts --data DIR
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ByteTable } from '../../src/core/byte-table.ts'
import { bytesPerRow, columnSlab, usedRanges } from './column-slab.ts'
import { listen, type Peer } from './publish-walk.ts'
import { scanF5, scannedMicros, scannedQuality, scannedValue } from './scan-f5.ts'
import { serveUntilSigterm } from './serve.ts'
import { SlabLog } from './slab-log.ts'
import { StoreThread } from './store-thread.ts'

/** More rows than the windows of all the generator's connections together. */
const capacity = 128 * 1024
const slabCount = 8

const { values } = parseArgs({ options: { data: { type: 'string', default: '.' } } })
const peers = new Set<Peer>()
const series = new ByteTable(1024)
let rows = 0
let total = 0
/** Rows of each slab that is with the disk or the store. */
const sealedRows = new Array<number>(slabCount).fill(0)

const log = new SlabLog(
  path.join(values.data, 'reference.log'),
  capacity * bytesPerRow,
  slabCount,
  () => {
    if (rows === 0) return undefined
    for (const peer of peers) peer.seal()
    const ranges = usedRanges(capacity, rows)
    sealedRows[log.open] = rows
    rows = 0
    return ranges
  },
  (slab) => {
    for (const peer of peers) peer.acknowledge()
    store.take(slab, sealedRows[slab] as number)
  },
)
const columns = log.slabs.map((slab) => columnSlab(slab, capacity))

const store = await StoreThread.start(values.data, log.slabs, capacity, (slab) => log.release(slab))

const server = await listen(
  peers,
  (bytes, topicFrom, topicTo, to) => {
    const open = columns[log.open]
    if (open === undefined || rows === capacity) throw new RangeError('the windows are larger than a slab')
    if (!scanF5(bytes, topicTo + 2, to)) throw new SyntaxError('not the form that the reference knows')
    let id = series.get(bytes, topicFrom, topicTo)
    if (id < 0) {
      id = series.size
      series.put(bytes, topicFrom, topicTo, id)
    }
    open.series[rows] = id
    open.time[rows] = scannedMicros
    open.value[rows] = scannedValue
    open.quality[rows] = scannedQuality
    rows++
    total++
  },
  () => log.schedule(),
)
await serveUntilSigterm(server, async () => {
  await log.close()
  console.log(JSON.stringify({ messages: total, stored: await store.finish(total), fsyncs: log.syncs }))
})
