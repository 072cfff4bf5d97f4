import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import test from 'node:test'
import { startDevServer } from '../../../dev/server.ts'
import { cursorAt } from '../../../dev/live.ts'
import { LiveConnection } from '../../live/connection.ts'
import type { LiveRow } from '../../live/subscription.ts'
import { DeviceFeed } from './device-feed.ts'

test('history that is read late and the live rows behind it are everything, whatever falls between', async (context) => {
  const server = await startDevServer({ port: 0, devices: 3, letters: 0 })
  const url = `${server.url.replace('http', 'ws')}/ws`
  const connection = new LiveConnection({ url, retryMs: () => 40, silenceMs: 5000 })
  context.after(async () => {
    connection.close()
    await server.close()
  })
  const device = 'bridge/deck-01'
  const start = Date.now()
  const feed = new DeviceFeed(connection, device, cursorAt(start))
  connection.open()
  const first: LiveRow[] = []
  feed.join(undefined, { rows: (rows) => first.push(...rows), incomplete: () => {} })
  while (first.length < 20) await delay(5)

  // A chart that opens now: its history ends somewhere among the rows that have come live already.
  const wholeTo = first[9]?.time ?? 0
  const history = server.history.rows(device, undefined, start, wholeTo)
  const live: LiveRow[] = []
  feed.join(cursorAt(wholeTo), { rows: (rows) => live.push(...rows), incomplete: () => {} })
  const known = first.length
  while (first.length < known + 10) await delay(5)

  const end = first[first.length - 1]?.time ?? 0
  const key = (row: { metric: string; time: number }) => `${row.metric} ${row.time}`
  const shown = new Set([...history, ...live].map(key))
  const all = server.history.rows(device, undefined, start, end).map(key)
  assert.deepEqual(
    all.filter((row) => !shown.has(row)),
    [],
  )
  assert.ok(
    live.length < first.length,
    'what history has is not given again, but for a batch that lies across',
  )
})
