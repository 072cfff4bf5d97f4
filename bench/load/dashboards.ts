import { setTimeout } from 'node:timers/promises'

export interface DashboardOptions {
  readonly httpPort: number
  readonly dashboards: number
  /** Between two refreshes; 0 asks again at once, as hard as a screen can ask. */
  readonly pauseMs: number
  /** Devices `load-000` … with metrics `tag-000` …, and the time of their readings. */
  readonly devices: number
  readonly metrics: number
  readonly fromSeconds: number
  readonly toSeconds: number
}

export interface DashboardResult {
  readonly queries: number
  readonly slowestMs: number
  readonly meanMs: number
}

/**
 * Screens that people look at: each asks over HTTP for its panels, one after the other, until the signal aborts. An answer other than 200 is
 * an error, and so is one without rows.
 */
export async function runDashboards(
  options: DashboardOptions,
  signal: AbortSignal,
): Promise<DashboardResult> {
  const times: number[] = []
  const screens = Array.from({ length: options.dashboards }, (_, screen) =>
    refresh(options, screen, times, signal),
  )
  await Promise.all(screens)
  return {
    queries: times.length,
    slowestMs: Math.max(0, ...times),
    meanMs: times.reduce((sum, ms) => sum + ms, 0) / Math.max(1, times.length),
  }
}

async function refresh(
  options: DashboardOptions,
  screen: number,
  times: number[],
  signal: AbortSignal,
): Promise<void> {
  for (let round = screen; !signal.aborted; round += options.dashboards) {
    for (const path of panels(options, round)) {
      if (signal.aborted) return
      const start = performance.now()
      const response = await fetch(`http://127.0.0.1:${options.httpPort}${path}`)
      const body = await response.text()
      if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${body.slice(0, 200)}`)
      if (body.length < 100) throw new Error(`GET ${path} has no rows: ${body}`)
      times.push(performance.now() - start)
    }
    if (options.pauseMs > 0) await setTimeout(options.pauseMs, undefined, { signal }).catch(() => {})
  }
}

/** The newest values of all, two lines in buckets, and one page of raw rows of a whole device. */
function panels({ devices, metrics, fromSeconds, toSeconds }: DashboardOptions, round: number): string[] {
  const device = `load-${String(round % devices).padStart(3, '0')}`
  const metric = (panel: number) => `tag-${String((round * 7 + panel) % metrics).padStart(3, '0')}`
  const range = `device=${device}&from=${fromSeconds * 1000}&to=${toSeconds * 1000}`
  return [
    '/api/v1/latest?limit=10000',
    `/api/v1/readings?${range}&metric=${metric(0)}&step=5s&aggregate=avg,min,max`,
    `/api/v1/readings?${range}&metric=${metric(1)}&step=5s&aggregate=avg,min,max`,
    `/api/v1/readings?${range}&limit=10000`,
  ]
}
