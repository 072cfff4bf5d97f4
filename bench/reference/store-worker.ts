// hot: bench/mqtt-to-store
/** The store thread of the reference: appends slabs of columns to DuckDB through typed data chunks, rows and position in one transaction. */
import path from 'node:path'
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { BIGINT, DOUBLE, DuckDBDataChunk, DuckDBInstance, UINTEGER, UTINYINT } from '@duckdb/node-api'
import bindings from '@duckdb/node-bindings'
import { columnSlab } from './column-slab.ts'

interface StoreInput {
  readonly data: string
  readonly slabs: readonly SharedArrayBuffer[]
  readonly capacity: number
}

if (parentPort === null) throw new Error('runs as a worker')
const port = parentPort
const { data, slabs, capacity } = workerData as StoreInput // as: posted by mqtt-to-store.ts
const columns = slabs.map((slab) => columnSlab(slab, capacity))

const instance = await DuckDBInstance.create(path.join(data, 'reference.duckdb'), {
  threads: '1',
  wal_autocheckpoint: '1GB',
})
const connection = await instance.connect()
await connection.run(
  'CREATE TABLE readings (series UINTEGER, time BIGINT, value DOUBLE, quality UTINYINT, seq BIGINT)',
)
await connection.run('CREATE TABLE position (next BIGINT)')
await connection.run('INSERT INTO position VALUES (0)')

/** Rows of a data chunk, and of a transaction at least while more is waiting. */
const chunkRows = 2048
const transactionRows = 128 * 1024
const chunk = DuckDBDataChunk.create([UINTEGER, BIGINT, DOUBLE, UTINYINT, BIGINT])
const series = new Uint32Array(chunkRows)
const time = new Int32Array(chunkRows * 2)
const value = new Float64Array(chunkRows)
const quality = new Uint8Array(chunkRows)
const number = new Int32Array(chunkRows * 2)
const staged = [series, time, value, quality, number]
const vectors = staged.map((_, column) => bindings.data_chunk_get_vector(chunk.chunk, column))
let filled = 0
let next = 0

type SlabRows = readonly [slab: number, rows: number]

async function store(first: SlabRows): Promise<void> {
  await connection.run('BEGIN')
  const appender = await connection.createAppender('readings')
  const before = next
  let input: SlabRows | undefined = first
  while (input !== undefined) {
    const [slab, rows] = input
    for (let from = 0; from < rows; ) from += stage(slab, from, rows, () => appender.appendDataChunk(chunk))
    port.postMessage({ slab })
    input = next - before < transactionRows ? arrived() : undefined
  }
  if (filled > 0) {
    flush()
    appender.appendDataChunk(chunk)
  }
  appender.closeSync()
  await connection.run(`UPDATE position SET next = ${next} WHERE next = ${before}`)
  await connection.run('COMMIT')
}

/** Copies rows of a slab into the open chunk, and hands it on when it is full. 64-bit integers are written as their halves. */
function stage(slab: number, from: number, rows: number, full: () => void): number {
  const source = columns[slab]
  if (source === undefined) throw new RangeError(`no slab ${slab}`)
  const take = Math.min(chunkRows - filled, rows - from)
  series.set(source.series.subarray(from, from + take), filled)
  value.set(source.value.subarray(from, from + take), filled)
  quality.set(source.quality.subarray(from, from + take), filled)
  for (let i = 0, to = filled * 2; i < take; i++, to += 2) {
    const micros = source.time[from + i] as number
    const high = Math.floor(micros / 4_294_967_296)
    time[to] = micros - high * 4_294_967_296
    time[to + 1] = high
    const own = next + i
    const ownHigh = Math.floor(own / 4_294_967_296)
    number[to] = own - ownHigh * 4_294_967_296
    number[to + 1] = ownHigh
  }
  filled += take
  next += take
  if (filled === chunkRows) {
    flush()
    full()
  }
  return take
}

function flush(): void {
  bindings.data_chunk_set_size(chunk.chunk, filled)
  staged.forEach((column, i) => {
    const vector = vectors[i]
    if (vector === undefined) throw new RangeError(`no column ${i}`)
    bindings.copy_data_to_vector(vector, 0, column.buffer, 0, (column.byteLength / chunkRows) * filled)
  })
  filled = 0
}

/** What came while a transaction was under way, in its order. */
const waiting: SlabRows[] = []
let working = false

function arrived(): SlabRows | undefined {
  const queued = waiting.shift()
  if (queued !== undefined) return queued
  const unread: { message: SlabRows | 'count' } | undefined = receiveMessageOnPort(port)
  if (unread?.message !== 'count') return unread?.message
  count().catch(fail)
  return undefined
}

async function work(): Promise<void> {
  working = true
  for (let input = arrived(); input !== undefined; input = arrived()) {
    await store(input)
    port.postMessage({ stored: next })
  }
  working = false
}

port.on('message', (input: SlabRows | 'count') => {
  if (input === 'count') {
    count().catch(fail)
    return
  }
  waiting.push(input)
  if (!working) work().catch(fail)
})

/** Ends the thread with the error. */
function fail(cause: unknown): void {
  setImmediate(() => {
    throw new Error('the store failed', { cause })
  })
}

/** Asked only when every row that was handed over is reported as stored. */
async function count(): Promise<void> {
  const reader = await connection.runAndReadAll('SELECT count(*)::DOUBLE FROM readings')
  port.postMessage({ counted: Number(reader.getRows()[0]?.[0]) })
}

port.postMessage({ stored: 0 })
