/**
 * Many MQTT connections that say nothing, at the real program: what one costs in memory (`bytesPerConnection`, of the gateway's own
 * process; buffers of the system are not in it), and whether each is still there after `seconds`. The rate is connections a second.
 */
import { createHistogram } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { readProc } from '../src/prove/process-tree.ts'
import { SluiceProcess } from '../test/support/sluice-process.ts'
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { IdleClient } from './load/idle-client.ts'

export interface IdleConnectionsOptions {
  readonly data?: string
  readonly connections?: number
  /** How long they are left alone. */
  readonly seconds?: number
}

/** Connections that are opened at once. */
const atOnce = 100

export async function run(options: IdleConnectionsOptions = {}) {
  const { connections = 10_000, seconds = 20 } = options
  const data = makeBenchFolder('idle-connections', options.data)
  const most = String(connections + 1)
  const settings = { 'mqtt.maxConnections': most, 'mqtt.maxConnectionsPerAddress': most }
  const sluice = await SluiceProcess.start({ data, settings })
  const clients: IdleClient[] = []
  const open = async (upTo: number): Promise<void> => {
    while (clients.length < upTo) {
      const some = Math.min(atOnce, upTo - clients.length)
      const opened = Array.from({ length: some }, () => IdleClient.connect(sluice.mqttPort))
      clients.push(...(await Promise.all(opened)))
    }
  }
  try {
    // The first tenth pays for what all share.
    const first = Math.ceil(connections / 10)
    await open(first)
    await wait(2_000)
    const before = residentBytes(sluice.pid)
    const start = performance.now()
    await open(connections)
    const openSeconds = (performance.now() - start) / 1000
    await wait(seconds * 1000)
    const bytesPerConnection = Math.round((residentBytes(sluice.pid) - before) / (connections - first))
    const latency = createHistogram()
    for (let i = 0; i < clients.length; i += atOnce) {
      const pings = clients.slice(i, i + atOnce).map(async (client) => {
        const micros = await client.ping()
        if (micros !== undefined) latency.record(Math.max(1, Math.round(micros)))
      })
      await Promise.all(pings)
    }
    const dropped = clients.filter(({ isClosed }) => isClosed).length
    if (dropped > 0) throw new Error(`${dropped} of ${connections} connections were dropped`)
    return {
      ratePerSecond: Math.round((connections - first) / openSeconds),
      unit: 'connections/s',
      sent: connections,
      acked: latency.count,
      seconds,
      p50Ms: latency.percentile(50) / 1000,
      p99Ms: latency.percentile(99) / 1000,
      rssMb: Math.round(residentBytes(sluice.pid) / 1024 / 1024),
      bytesPerConnection,
      dropped,
    }
  } finally {
    for (const client of clients) client.destroy()
    await sluice.stop()
    removeBenchFolder(data)
  }
}

/** man 5 proc: the line VmRSS of status, in KiB. */
function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1]) * 1024
}
