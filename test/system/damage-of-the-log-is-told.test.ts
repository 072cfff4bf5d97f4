import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { SluiceHttp } from '../support/sluice-http.ts'

interface Status {
  readonly log: { readonly damagedFrames: number; readonly damagedPlaces: number }
  readonly alarms: readonly { readonly code: string }[]
}

test('damage of the log is told: in the log lines with its place, as an alarm and in the metrics', async (t) => {
  const running = await SluiceHttp.start(t)
  for (let i = 0; i < 10; i++) await running.post(JSON.stringify({ device_id: 'd', tag_id: 'x', v: i }))
  await running.drained()
  assert.deepEqual((await running.get<Status>('/status')).alarms, [])
  running.sluice.killTree()
  await running.sluice.closed

  const folder = path.join(running.data, 'log')
  const [segment = ''] = (await fs.readdir(folder)).filter((name) => name.endsWith('.seg'))
  const bytes = await fs.readFile(path.join(folder, segment))
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  await fs.writeFile(path.join(folder, segment), bytes)
  await running.killAndRestart()

  let status = await running.get<Status>('/status')
  while (status.log.damagedPlaces === 0) {
    await setTimeout(20)
    status = await running.get<Status>('/status')
  }
  // Four readers of the store pass the one place.
  assert.deepEqual([status.log.damagedFrames, status.log.damagedPlaces], [1, 1])
  assert.deepEqual(
    status.alarms.map(({ code }) => code).filter((code) => code === 'log-damaged'),
    ['log-damaged'],
  )
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  assert.match(metrics, /^sluice_alarm\{code="log-damaged"\} 1$/m)
  assert.match(metrics, /^sluice_log_damaged_places_total 1$/m)

  const lines = running.sluice.output
    .split('\n')
    .filter((line) => line.includes('damaged') && line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>) // pino's own lines
  assert.equal(lines.find(({ damagedFrames }) => damagedFrames !== undefined)?.['damagedFrames'], 1)
  const place = lines.filter(({ file }) => file !== undefined)
  assert.equal(place.length, 1, 'told once')
  assert.equal(place[0]?.['file'], segment)
  const [offset, length] = [Number(place[0]?.['offset']), Number(place[0]?.['bytes'])]
  assert.ok(offset <= middle && middle < offset + length, `${middle} lies in ${length} bytes at ${offset}`)
})
