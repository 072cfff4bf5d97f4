import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { SluiceHttp } from '../support/sluice-http.ts'

test('a query that comes before the store is open is answered by the store, not refused', async (t) => {
  const running = await SluiceHttp.start(t)
  await running.post(JSON.stringify({ device_id: 'd', tag_id: 'x', v: 1 }))
  await running.drained()
  await running.killAndRestart()
  // The program says that it is ready while the store opens still.
  const early = await fetch(`${running.url}/api/v1/devices`)
  assert.equal(early.status, 200, running.sluice.output)
  const { devices } = (await early.json()) as { devices: { device: string }[] } // each test looks at its members
  assert.deepEqual(
    devices.map(({ device }) => device),
    ['d'],
  )
})

test('a store that cannot be opened: messages are taken, queries are refused with a time to come again, and health, an alarm and the metrics say so', async (t) => {
  const running = await SluiceHttp.start(t)
  running.sluice.killTree()
  await running.sluice.closed
  for (const file of await fs.readdir(running.data))
    if (file.startsWith('main.duckdb')) await fs.rm(path.join(running.data, file))
  await fs.writeFile(path.join(running.data, 'main.duckdb'), 'no database at all'.repeat(1_000))
  await running.killAndRestart()

  const query = await fetch(`${running.url}/api/v1/devices`)
  const { error } = (await query.json()) as { error?: { code: string } } // the one error shape
  assert.deepEqual(
    [query.status, error?.code, query.headers.get('retry-after')],
    [503, 'store-down', '1'],
    running.sluice.output,
  )
  const ready = await fetch(`${running.url}/health/ready`)
  const { timestamp: _, ...said } = (await ready.json()) as Record<string, unknown> // as the route writes it
  assert.deepEqual([ready.status, said], [200, { status: 'ready', mqtt: true, database: false }])
  assert.equal((await fetch(`${running.url}/health`)).status, 503)
  const { alarms } = await running.get<{ alarms: { code: string; message: string }[] }>('/status')
  assert.deepEqual(
    alarms.map(({ code }) => code),
    ['store-down'],
  )
  assert.match(alarms[0]?.message ?? '', /main\.duckdb/)
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  assert.match(metrics, /^sluice_alarm\{code="store-down"\} 1$/m)
  assert.match(metrics, /^sluice_sink_backlog_rows\{sink="main",stream="readings"\} \d+$/m)
  const { status } = await running.post(JSON.stringify({ device_id: 'd', tag_id: 'x', v: 1 }))
  assert.equal(status, 202)
})
