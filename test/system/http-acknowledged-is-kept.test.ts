import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { SluiceHttp } from '../support/sluice-http.ts'

const clients = 4
const perPost = 20
const kills = 3

test(`readings acknowledged over HTTP are in the store once, through ${kills} × kill -9 under load`, async (t) => {
  const running = await SluiceHttp.start(t)
  const acked = new Set<string>()
  const sent = new Set<string>()
  let isOver = false
  let isDown = false
  let next = 0
  const send = async (client: number): Promise<void> => {
    while (!isOver) {
      if (isDown) {
        await setTimeout(5)
        continue
      }
      const first = next
      next += perPost
      const records = Array.from({ length: perPost }, (_, i) => ({
        device_id: `c${client}`,
        tag_id: 'v',
        v: first + i,
        ts: 1_705_314_600_000 + first + i,
      }))
      const keys = records.map(({ device_id, v }) => `${device_id} ${v}`)
      for (const key of keys) sent.add(key)
      try {
        const { status, answer } = await running.post(JSON.stringify(records))
        assert.deepEqual([status, answer.accepted], [202, perPost])
        for (const key of keys) acked.add(key)
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error // no answer: nobody knows
      }
    }
  }
  const sending = Array.from({ length: clients }, (_, i) => send(i))
  const posted = async (more: number): Promise<void> => {
    const before = acked.size
    const end = performance.now() + 30_000
    while (acked.size < before + more) {
      assert.ok(performance.now() < end, `the load runs; ${running.sluice.output}`)
      await setTimeout(5)
    }
  }
  for (let kill = 0; kill < kills; kill++) {
    await posted(2_000)
    isDown = true
    running.sluice.killTree()
    await running.killAndRestart()
    isDown = false
  }
  await posted(2_000)
  isOver = true
  await Promise.all(sending)
  await running.drained()

  const stored = new Set<string>()
  for (let client = 0; client < clients; client++)
    for (const { value, time } of await running.rows(`c${client}`)) {
      const key = `c${client} ${value}`
      assert.ok(!stored.has(key), `${key} stands twice`)
      assert.equal(time, 1_705_314_600_000 + Number(value))
      stored.add(key)
    }
  const lost = [...acked].filter((key) => !stored.has(key))
  const phantom = [...stored].filter((key) => !sent.has(key))
  assert.deepEqual([lost, phantom], [[], []])
  t.diagnostic(`${acked.size} acknowledged, ${stored.size} stored, ${sent.size} sent`)
})
