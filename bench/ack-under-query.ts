/**
 * PUBACK p99 at an even rate, calm and then with four dashboards querying over HTTP: people who look must not slow devices down.
 * `p50Ms` and `p99Ms` are those under queries; `calmRatio`, the calm p99 in parts of that, is to stay above 0.5 (delivery.md, *heavy
 * queries*).
 */
import { SluiceProcess } from '../test/support/sluice-process.ts'
import { drained } from '../test/support/sluice-status.ts'
import { makeBenchFolder, removeBenchFolder } from './load/bench-folder.ts'
import { runDashboards } from './load/dashboards.ts'
import { type BenchOptions, defaultLoad, runLoadProcess } from './load/measure.ts'
import type { LoadOptions, LoadResult } from './load/mqtt-load.ts'
import { TreeMonitor } from './load/tree-monitor.ts'

export interface AckUnderQueryOptions extends BenchOptions {
  /** Rows that stand in the store before anything is measured. */
  readonly history?: number
  readonly dashboards?: number
  /** Between two refreshes of a dashboard; 0 for as hard as it can ask. */
  readonly pauseMs?: number
}

/** Far enough apart that the three loads share no time. */
const stretchSeconds = 1_000_000

export async function run(options: AckUnderQueryOptions = {}) {
  const { data: parent, history = 5_000_000, dashboards = 4, pauseMs = 1_000, ...load } = options
  const data = makeBenchFolder('ack-under-query', parent)
  const sluice = await SluiceProcess.start({ data })
  const tree = new TreeMonitor(sluice.pid)
  const { baseSeconds, connections, topics } = defaultLoad
  const results: LoadResult[] = []
  const send = async (given: Partial<LoadOptions>): Promise<LoadResult> => {
    const base = baseSeconds + results.length * stretchSeconds
    const result = await runLoadProcess({
      ...defaultLoad,
      port: sluice.mqttPort,
      ...given,
      connections,
      topics,
      baseSeconds: base,
    })
    if (result.failures.length > 0) throw new Error(`the load failed: ${result.failures.join('; ')}`)
    results.push(result)
    const rows = results.reduce((sum, { ackedRows }) => sum + ackedRows, 0)
    await drained(sluice, { rows, timeoutMs: 300_000 })
    return result
  }
  try {
    await send({ messages: history })
    const paced = { rate: 50_000, seconds: 15, ...load }
    const calm = await send(paced)
    const stop = new AbortController()
    const querying = runDashboards(
      {
        httpPort: sluice.httpPort,
        dashboards,
        pauseMs,
        devices: connections,
        metrics: topics,
        fromSeconds: baseSeconds,
        toSeconds: baseSeconds + stretchSeconds,
      },
      stop.signal,
    )
    const busy = await Promise.race([
      send(paced),
      querying.then(() => Promise.reject(new Error('no dashboards'))),
    ])
    stop.abort()
    const { queries, meanMs, slowestMs } = await querying
    const { log } = await drained(sluice, { rows: 0, timeoutMs: 60_000 })
    const result = {
      bench: 'ack-under-query',
      ratePerSecond: Math.round(busy.acked / busy.seconds),
      unit: 'messages/s',
      sent: busy.sent,
      acked: busy.acked,
      stored: log.rows['readings'] ?? 0,
      seconds: busy.seconds,
      p50Ms: busy.p50Ms,
      p99Ms: busy.p99Ms,
      calmP50Ms: calm.p50Ms,
      calmP99Ms: calm.p99Ms,
      calmRatio: calm.p99Ms / busy.p99Ms,
      queries,
      queryMeanMs: meanMs,
      querySlowestMs: slowestMs,
      rssMb: tree.use().rssMb,
      series: busy.series,
      fsyncs: log.syncs,
    }
    const { code, signal } = await sluice.stop()
    if (code !== 0) throw new Error(`sluice ended with ${code ?? signal}:\n${sluice.output.slice(-2000)}`)
    removeBenchFolder(data)
    return result
  } finally {
    tree.stop()
    sluice.killTree()
  }
}
