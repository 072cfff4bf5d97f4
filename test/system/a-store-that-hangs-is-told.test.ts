import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { SluiceHttp } from '../support/sluice-http.ts'

interface Status {
  readonly alarms: readonly { readonly code: string; readonly message: string }[]
  readonly stores: readonly { readonly ready: boolean; readonly pid: number; readonly restarts: number }[]
  readonly sinks: readonly { readonly state: string }[]
}

test('a store whose process hangs raises an alarm and refuses queries, messages are taken, and it goes on where it was', async (t) => {
  const running = await SluiceHttp.start(t)
  const status = () => running.get<Status>('/status')
  const post = (v: number) => running.post(JSON.stringify({ device_id: 'd', tag_id: 'x', v }))
  await post(1)
  await running.drained()
  const [store] = (await status()).stores
  const pid = store?.pid ?? 0
  process.kill(pid, 'SIGSTOP')
  // It waits for an answer that does not come.
  const early = fetch(`${running.url}/api/v1/devices`)
  assert.equal((await early).status, 503)

  const hanging = await status()
  assert.deepEqual(
    hanging.alarms.map(({ code }) => code),
    ['store-down'],
  )
  assert.match(hanging.alarms[0]?.message ?? '', new RegExp(`main is away: its process \\(pid ${pid}\\)`))
  assert.deepEqual([hanging.stores[0]?.ready, hanging.sinks[0]?.state], [false, 'down'])
  assert.equal((await fetch(`${running.url}/health`)).status, 503)
  assert.equal((await fetch(`${running.url}/api/v1/devices`)).status, 503)
  const metrics = await (await fetch(`${running.url}/metrics`)).text()
  assert.match(metrics, /^sluice_alarm\{code="store-down"\} 1$/m)
  assert.equal((await post(2)).status, 202)

  process.kill(pid, 'SIGCONT')
  while ((await status()).alarms.length > 0) await setTimeout(50)
  await running.drained()
  assert.equal((await running.rows('d')).length, 2)
  assert.deepEqual((await status()).stores[0]?.restarts, 0)
})

test('SIGTERM ends the program in time though the process of its store hangs', async (t) => {
  const running = await SluiceHttp.start(t)
  await running.post(JSON.stringify({ device_id: 'd', tag_id: 'x', v: 1 }))
  await running.drained()
  const { stores } = await running.get<Status>('/status')
  process.kill(stores[0]?.pid ?? 0, 'SIGSTOP')
  const { code, tookMs } = await running.sluice.stop(30_000)
  t.diagnostic(`${Math.round(tookMs)} ms, exit code ${code}`)
  assert.ok(tookMs < 10_000, `${tookMs} ms`)
})
