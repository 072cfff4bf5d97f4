import { parseArgs } from 'node:util'
import { setTimeout as delay } from 'node:timers/promises'
import { createFleet, type DevRow, type DevSeries, rowsBetween } from './fleet.ts'

/*
 * A development tool: sends the made-up fleet to a real Sluice over HTTP, first as many hours of its past as wanted, then live for as
 * long as wanted: `node web/dev/feed.ts --url http://127.0.0.1:8080 --devices 24 --hours 6 --minutes 5`.
 */
const { values } = parseArgs({
  options: {
    url: { type: 'string', default: 'http://127.0.0.1:8080' },
    devices: { type: 'string', default: '24' },
    hours: { type: 'string', default: '6' },
    minutes: { type: 'string', default: '5' },
  },
})
const fleet = createFleet(Number(values.devices))
let sent = Date.now() - Number(values.hours) * 3_600_000
const end = Date.now() + Number(values.minutes) * 60_000

while (sent < Date.now() - 2000) sent = await send(sent, Math.min(Date.now(), sent + 40_000))
process.stdout.write('the past is sent; now live\n')
while (Date.now() < end) {
  await delay(200)
  sent = await send(sent, Date.now())
}

async function send(from: number, to: number): Promise<number> {
  const lines = fleet.flatMap((series) => rowsBetween(series, from, to).map((row) => line(series, row)))
  if (lines.length === 0) return to
  const response = await fetch(`${values.url}/api/v1/readings`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: lines.join('\n'),
  })
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
  return to
}

/** One reading of one metric with its unit and quality. */
function line({ device, metric, unit }: DevSeries, { time, value, quality }: DevRow): string {
  return JSON.stringify({ device, metric, value, unit, quality, timestamp: time })
}
