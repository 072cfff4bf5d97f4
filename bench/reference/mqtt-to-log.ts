/**
 * The bar for `mqtt-to-log`, in its simplest form: no decoding, no limits, no recovery. PUBLISH packets are walked in place and copied
 * into a slab; a thread writes and syncs the slab while the next one fills; then the PUBACKs leave, one write a connection.
 *
 *   node bench/reference/mqtt-to-log.ts --data DIR
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { listen, type Peer } from './publish-walk.ts'
import { serveUntilSigterm } from './serve.ts'
import { SlabLog } from './slab-log.ts'

/** More than the windows of all the generator's connections together. */
const slabBytes = 16 * 1024 * 1024

const { values } = parseArgs({ options: { data: { type: 'string', default: '.' } } })
const peers = new Set<Peer>()
let open: Uint8Array = new Uint8Array()
let length = 0
const log = new SlabLog(
  path.join(values.data, 'reference.log'),
  slabBytes,
  2,
  () => {
    if (length === 0) return undefined
    for (const peer of peers) peer.seal()
    const ranges = [[0, length]] as const
    length = 0
    return ranges
  },
  (slab) => {
    for (const peer of peers) peer.acknowledge()
    log.release(slab)
  },
)
let messages = 0
const server = await listen(
  peers,
  () => {
    messages++
  },
  (bytes) => {
    if (length === 0) open = new Uint8Array(log.slab())
    open.set(bytes, length)
    length += bytes.length
    log.schedule()
  },
)
await serveUntilSigterm(server, () => log.close())
console.log(JSON.stringify({ messages, fsyncs: log.syncs }))
