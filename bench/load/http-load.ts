/**
 * HTTP load: POSTs of readings over kept connections, as a process of its own. Every reading has its own time and value; the metrics switch at
 * every reading. Prints one JSON line and exits with 1 if anything sent was not acknowledged with 202.
 *
 *   node bench/load/http-load.ts --port 8080 --seconds 10 --batch 1000
 */
import http from 'node:http'
import { createHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'

export interface HttpLoadOptions {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** Readings a request; 1 sends single objects. */
  readonly batch: number
  /** Metrics a connection. */
  readonly metrics: number
}

export interface HttpLoadResult {
  readonly requests: number
  /** Readings sent and acknowledged. */
  readonly sent: number
  readonly acked: number
  readonly series: number
  /** Unix ms of the first request. */
  readonly startedAt: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuSeconds: number
  readonly failures: readonly string[]
}

export async function runHttpLoad(options: HttpLoadOptions): Promise<HttpLoadResult> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: options.connections })
  const latency = createHistogram()
  const totals = { requests: 0, sent: 0, acked: 0 }
  const failures: string[] = []
  const startedAt = Date.now()
  const start = performance.now()
  const cpu = process.cpuUsage()
  const until = start + options.seconds * 1000
  const connection = async (index: number) => {
    for (let row = 0; performance.now() < until && failures.length === 0; row += options.batch) {
      const body = bodyOf(index, row, options)
      const asked = performance.now()
      totals.requests++
      totals.sent += options.batch
      const { status, text } = await post(agent, options.port, body)
      latency.record(Math.max(1, Math.round((performance.now() - asked) * 1000)))
      if (status === 202) totals.acked += options.batch
      else failures.push(`${status} ${text.slice(0, 200)}`)
    }
  }
  await Promise.all(Array.from({ length: options.connections }, (_, index) => connection(index)))
  agent.destroy()
  const { user, system } = process.cpuUsage(cpu)
  return {
    ...totals,
    series: options.connections * options.metrics,
    startedAt,
    seconds: (performance.now() - start) / 1000,
    p50Ms: latency.percentile(50) / 1000,
    p99Ms: latency.percentile(99) / 1000,
    cpuSeconds: (user + system) / 1e6,
    failures,
  }
}

const baseMs = 1_704_067_200_000

function bodyOf(connection: number, row: number, { batch, metrics }: HttpLoadOptions): string {
  const readings: string[] = []
  for (let i = row; i < row + batch; i++) {
    readings.push(
      `{"v":${i}.25,"q":"good","ts":${baseMs + i},"device_id":"http-${connection}","tag_id":"m${i % metrics}"}`,
    )
  }
  return batch === 1 ? (readings[0] ?? '') : `[${readings.join(',')}]`
}

function post(agent: http.Agent, port: number, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const request = http.request(
      { agent, host: '127.0.0.1', port, path: '/api/v1/readings', method: 'POST', headers },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          text += part
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
      },
    )
    request.on('error', reject)
    request.end(body)
  })
}

if (import.meta.main) {
  const number = (fallback: number) => ({ type: 'string', default: String(fallback) }) as const
  const { values } = parseArgs({
    options: {
      port: number(8080),
      connections: number(8),
      seconds: number(10),
      batch: number(1000),
      metrics: number(50),
    },
  })
  const [port, connections, seconds, batch, metrics] = [
    values.port,
    values.connections,
    values.seconds,
    values.batch,
    values.metrics,
  ].map(Number)
  const result = await runHttpLoad({
    port: port ?? 0,
    connections: connections ?? 0,
    seconds: seconds ?? 0,
    batch: batch ?? 0,
    metrics: metrics ?? 0,
  })
  console.log(JSON.stringify(result))
  if (result.acked < result.sent) process.exitCode = 1
}
