import { createServer, type Server, type ServerResponse } from 'node:http'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { numberToMicros, parseRfc3339 } from '../../src/core/time.ts'
import { DevHistory, type PostedRow } from './history.ts'
import { createLetters } from './letters.ts'
import { cursorAt, DevLive } from './live.ts'
import { devStatus } from './status.ts'

/*
 * A development tool: serves the contract of Sluice's HTTP API and /ws from generated data, and the built app under /app.
 * `node web/dev/server.ts --port 8099 --devices 24 --letters 30`, then `DEV_SLUICE_URL=http://127.0.0.1:8099 npm run dev -w web`.
 */

export interface DevServer {
  readonly url: string
  readonly history: DevHistory
  readonly live: DevLive
  close(): Promise<void>
}

export async function startDevServer(options: {
  port: number
  devices: number
  letters: number
}): Promise<DevServer> {
  const history = new DevHistory(options.devices)
  const live = new DevLive(history)
  const letters = createLetters(options.letters)
  const started = Date.now()

  const routes: Record<string, (query: URLSearchParams) => unknown> = {
    '/status': () => devStatus(history, letters.length, started),
    '/api/v1/devices': (query) => {
      const match = (query.get('match') ?? '').toLowerCase()
      const devices = history
        .devices(query.get('prefix') ?? '')
        .filter(({ device }) => device.toLowerCase().includes(match))
      return { asOf: cursorAt(Date.now()), total: devices.length, ...paged(devices, query, 'devices') }
    },
    '/api/v1/series': (query) => {
      const series = history.latest(query.get('device') ?? undefined).map((row) => ({
        device: row.device,
        metric: row.metric,
        unit: row.unit,
        kind: typeof row.value === 'number' ? 'number' : 'text',
        firstTime: started - 7 * 86_400_000,
        lastTime: row.time,
      }))
      return paged(series, query, 'series')
    },
    '/api/v1/latest': (query) => {
      const rows = history.latest(query.get('device') ?? undefined)
      return { asOf: cursorAt(Date.now()), latest: rows.slice(0, Number(query.get('limit') ?? 1000)) }
    },
    '/api/v1/readings': (query) => readings(history, query),
    '/api/v1/dead-letters': (query) => {
      const from = timeOf(query.get('from'), 0)
      const to = timeOf(query.get('to'), Date.now())
      const found = letters.filter(
        (letter) =>
          letter.time >= from &&
          letter.time < to &&
          ['code', 'source', 'device'].every((name) => {
            const wanted = query.get(name)
            return wanted === null || wanted === (letter as unknown as Record<string, string>)[name]
          }),
      )
      const isBrief = query.get('bytes') === 'omit'
      return paged(isBrief ? found.map(({ bytes: _, ...letter }) => letter) : found, query, 'letters')
    },
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/') return redirect(response, '/app')
    if (url.pathname.startsWith('/app')) return void serveApp(url.pathname, response)
    if (url.pathname === '/api/v1/export') return exportRows(history, url.searchParams, response)
    if (url.pathname === '/api/v1/readings' && request.method === 'POST') {
      let body = ''
      request.on('data', (chunk) => (body += String(chunk)))
      request.on('end', () => {
        take(history, body)
        answer(response, 202, { accepted: 1, refused: 0, cursor: cursorAt(Date.now()) })
      })
      return
    }
    const letter = letters.find(({ id }) => url.pathname === `/api/v1/dead-letters/${id}`)
    const route = letter === undefined ? routes[url.pathname] : () => letter
    if (route === undefined)
      return answer(response, 404, fault('not-found', `there is no ${url.pathname}`, 'Check the name.'))
    try {
      answer(response, 200, route(url.searchParams))
    } catch (error) {
      answer(response, 400, fault('bad-request', String(error), 'Correct the named parameters.'))
    }
  })
  server.on('upgrade', (request, socket, head) => live.upgrade(request, socket, head))
  await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    history,
    live,
    close() {
      live.cut()
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function readings(history: DevHistory, query: URLSearchParams): unknown {
  const device = query.get('device') ?? ''
  const metric = query.get('metric') ?? undefined
  const to = timeOf(query.get('to'), Date.now())
  const from = timeOf(query.get('from'), to - 3_600_000)
  const step = query.get('step')
  const asOf = cursorAt(Date.now())
  const rows = history.rows(device, metric, from, to)
  if (step === null) {
    rows.sort((a, b) => (a.metric === b.metric ? a.time - b.time : a.metric < b.metric ? -1 : 1))
    if (query.get('order') === 'desc') rows.reverse()
    const answered = rows.map(({ metric, time, value, quality }) => ({ metric, time, value, quality }))
    return { device, asOf, ...paged(answered, query, 'rows') }
  }
  const stepMs = durationOf(step)
  const buckets = new Map<
    string,
    {
      metric: string
      time: number
      sum: number
      min: number
      max: number
      count: number
      worstQuality: number
    }
  >()
  for (const { metric, time, value, quality } of rows) {
    if (typeof value !== 'number') continue
    const at = Math.floor(time / stepMs) * stepMs
    const key = `${metric}\n${at}`
    const bucket = buckets.get(key) ?? {
      metric,
      time: at,
      sum: 0,
      min: value,
      max: value,
      count: 0,
      worstQuality: quality,
    }
    bucket.sum += value
    bucket.count++
    bucket.min = Math.min(bucket.min, value)
    bucket.max = Math.max(bucket.max, value)
    bucket.worstQuality = Math.min(bucket.worstQuality, quality)
    buckets.set(key, bucket)
  }
  return {
    device,
    asOf,
    step,
    buckets: [...buckets.values()].map(({ sum, ...b }) => ({ ...b, avg: sum / b.count })),
  }
}

function exportRows(history: DevHistory, query: URLSearchParams, response: ServerResponse): void {
  const device = query.get('device') ?? ''
  const to = timeOf(query.get('to'), Date.now())
  const rows = history.rows(
    device,
    query.get('metric') ?? undefined,
    timeOf(query.get('from'), to - 3_600_000),
    to,
  )
  const lines = rows.map((row) =>
    [row.device, row.metric, new Date(row.time).toISOString(), row.value, row.quality].join(','),
  )
  response.writeHead(200, {
    'content-type': 'text/csv',
    'content-disposition': `attachment; filename="${device.replaceAll('/', '_')}.csv"`,
  })
  response.end(`device,metric,time,value,quality\n${lines.join('\n')}\n`)
}

function take(history: DevHistory, body: string): void {
  const { device, timestamp, ...values } = JSON.parse(body) as Record<string, number | string>
  const at = Date.now()
  const time = timestamp === undefined ? at : Number(timestamp)
  for (const [metric, value] of Object.entries(values))
    history.posted.push({
      device: String(device),
      metric,
      unit: '',
      time,
      value,
      quality: 192,
      at,
    } satisfies PostedRow)
}

function paged(rows: readonly unknown[], query: URLSearchParams, name: string): object {
  const start = Number(query.get('cursor') ?? 0)
  const limit = Number(query.get('limit') ?? 1000)
  const end = start + limit
  return { [name]: rows.slice(start, end), ...(end < rows.length ? { next: String(end) } : {}) }
}

const appFolder = path.join(import.meta.dirname, '../dist')
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

async function serveApp(pathname: string, response: ServerResponse): Promise<void> {
  const name = pathname.slice('/app/'.length)
  const file =
    path.extname(name) in types
      ? path.join(appFolder, path.normalize(`/${name}`))
      : path.join(appFolder, 'index.html')
  try {
    const bytes = await readFile(file)
    response
      .writeHead(200, { 'content-type': types[path.extname(file)] ?? 'application/octet-stream' })
      .end(bytes)
  } catch {
    answer(
      response,
      404,
      fault('not-found', `there is no ${pathname}`, 'Build the app: npm run build -w web.'),
    )
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location }).end()
}

function fault(code: string, message: string, hint: string): unknown {
  return { error: { code, message, hint, requestId: 'dev' } }
}

const unitsMs: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function durationOf(text: string): number {
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(text) ?? []
  const ms = Number(count) * (unitsMs[unit] ?? Number.NaN)
  if (!(ms > 0)) throw new Error(`${text} is no duration`)
  return ms
}

function timeOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise
  if (text === 'now') return Date.now()
  if (text.startsWith('-')) return Date.now() - durationOf(text.slice(1))
  return (/^[\d.]+$/.test(text) ? numberToMicros(Number(text), 'ms') : parseRfc3339(text)) / 1000
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8099' },
      devices: { type: 'string', default: '24' },
      letters: { type: 'string', default: '30' },
    },
  })
  const server = await startDevServer({
    port: Number(values.port),
    devices: Number(values.devices),
    letters: Number(values.letters),
  })
  process.stdout.write(`development data at ${server.url}, the app at ${server.url}/app\n`)
}
