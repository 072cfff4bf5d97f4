import assert from 'node:assert/strict'
import test from 'node:test'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { begin, beginMs } from '../../../test/support/rest-rows.ts'

test("Nexus' history: points ascend from the beginning, numbers cover the whole range", async (t) => {
  const door = await openRestDoor(t)
  await door.log.put(
    door.store.sink('readings'),
    Array.from({ length: 1_000 }, (_, i) => ({
      device: 'pump',
      metric: 'temp',
      time: begin + i * 1e6,
      value: i,
      quality: 64,
    })),
  )
  const range = `from=${beginMs}&to=${beginMs + 1_000_000}`
  const { body } = await door.get(`/api/history?topic=dev/pump/temp&${range}`)
  const history = body as { topic: string; stats: unknown; points: unknown[] }
  assert.equal(history.topic, 'dev/pump/temp')
  assert.deepEqual(history.stats, { count: 1_000, avg: 499.5, min: 0, max: 999, latest: 999 })
  assert.equal(history.points.length, 500)
  assert.deepEqual(history.points[0], { time: beginMs, value: 0, quality: 64 })
  assert.deepEqual(history.points[499], { time: beginMs + 499_000, value: 499, quality: 64 })
  const empty = { count: 0, avg: null, min: null, max: null, latest: null }
  for (const topic of ['dev/pump/other', 'no/such/topic/at/all'])
    assert.deepEqual((await door.get(`/api/history?topic=${topic}&${range}`)).body, {
      topic,
      stats: empty,
      points: [],
    })
})
