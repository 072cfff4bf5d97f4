import assert from 'node:assert/strict'
import test from 'node:test'
import mqtt from 'mqtt'
import { SluiceHttp } from '../support/sluice-http.ts'

const begin = 1_705_314_600_000

interface Edited {
  readonly applied: boolean
  readonly cursor: string
}

test('an edit is answered when the store shows it, holds for what stood there, and not for what comes later', async (t) => {
  const running = await SluiceHttp.start(t)
  const edit = async (method: 'DELETE' | 'PATCH', query: string, body?: object): Promise<Edited> => {
    const response = await fetch(`${running.url}/api/v1/readings?${query}`, {
      method,
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    assert.equal(response.status, 200, await response.clone().text())
    return (await response.json()) as Edited
  }
  const send = async (metric: string, from: number, to: number, v: number): Promise<void> => {
    const records = Array.from({ length: to - from }, (_, i) => ({
      device_id: 'd',
      tag_id: metric,
      v,
      ts: begin + from + i,
    }))
    assert.equal((await running.post(JSON.stringify(records))).status, 202)
  }
  const counts = async () => {
    const rows = await running.rows('d')
    return Object.fromEntries(
      ['a', 'b'].map((metric) => [
        metric,
        rows.filter((row) => row.metric === metric).map(({ value }) => value),
      ]),
    )
  }
  const range = (from: number, to: number) => `from=${begin + from}&to=${begin + to}`

  await send('a', 0, 10, 1)
  await send('b', 0, 10, 2)
  // No wait for the store: the edit stands behind what was acknowledged before it.
  const deleted = await edit('DELETE', `device=d&metric=a&${range(2, 8)}`)
  assert.equal(deleted.applied, true)
  assert.deepEqual(await counts(), { a: [1, 1, 1, 1], b: Array(10).fill(2) })

  await send('a', 2, 4, 7)
  await edit('PATCH', `device=d&${range(0, 3)}`, { value: 5, quality: 64 })
  const { a, b } = await counts()
  assert.deepEqual(a, [5, 5, 5, 7, 1, 1])
  assert.deepEqual(b, [5, 5, 5, 2, 2, 2, 2, 2, 2, 2])
  const qualities = (await running.rows('d')).filter(({ quality }) => quality === 64)
  assert.equal(qualities.length, 6)

  await edit('PATCH', `device=d&metric=b&${range(0, 1)}`, { value: 'checked "by hand"' })
  assert.equal((await counts())['b']?.[0], 'checked "by hand"')
  await edit('DELETE', `device=d&${range(0, 10)}`)
  assert.deepEqual(await running.rows('d'), [])
  // Nothing stands behind the last edit in the log; nobody waits for more to come.
  assert.equal((await edit('DELETE', `device=nobody&${range(0, 10)}`)).applied, true)

  await running.killAndRestart()
  await running.drained()
  assert.deepEqual(await running.rows('d'), [])
})

test('edits are answered beside dead letters, which come behind them in their commit', async (t) => {
  const running = await SluiceHttp.start(t)
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.sluice.mqttPort}`)
  await running.post(JSON.stringify({ device_id: 'd', tag_id: 'a', v: 1, ts: begin }))
  for (let round = 0; round < 20; round++) {
    const [answer] = await Promise.all([
      fetch(`${running.url}/api/v1/readings?device=d&from=${begin}&to=${begin + 1}`, { method: 'DELETE' }),
      client.publishAsync('dev/d/a', 'broken', { qos: 1 }),
    ])
    const { applied } = (await answer.json()) as Edited
    assert.equal(applied, true)
  }
  await client.endAsync()
  assert.deepEqual(await running.rows('d'), [])
})
