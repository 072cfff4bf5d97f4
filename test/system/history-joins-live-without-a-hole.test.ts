import assert from 'node:assert/strict'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { SluiceHttp, type StoredRow } from '../support/sluice-http.ts'

const joins = 4
const device = 'd'
const begin = 1_705_314_600_000
const range = `device=${device}&from=${begin}&to=${begin + 1_000_000}&limit=100000`

interface History {
  readonly asOf: string
  readonly rows: readonly StoredRow[]
}

/** Values that come live from the cursor on, until the last of them. */
async function liveFrom(url: string, asOf: string, isLast: (value: number) => boolean): Promise<number[]> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
  const values: number[] = []
  const { promise, resolve, reject } = Promise.withResolvers<number[]>()
  socket.addEventListener('open', () =>
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', devices: device, metrics: '*', from: asOf })),
  )
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(String(data)) as { type: string; rows?: [number, number, number, number][] } // as docs/protocols.md has it
    if (frame.type === 'error' || frame.type === 'gap') reject(new Error(String(data)))
    for (const [, , value] of frame.rows ?? []) values.push(value)
    if (values.some(isLast)) resolve(values)
  })
  socket.addEventListener('close', () => reject(new Error('the connection was closed')))
  try {
    return await promise
  } finally {
    socket.close()
  }
}

test('an answer and a subscription from its asOf are everything, while rows come without a pause', async (t) => {
  const running = await SluiceHttp.start(t)
  let next = 0
  let isOver = false
  const send = async () => {
    while (!isOver) {
      const records = Array.from({ length: 10 }, () => ({
        device_id: device,
        tag_id: 'm',
        v: next,
        ts: begin + next++,
      }))
      assert.equal((await running.post(JSON.stringify(records))).status, 202)
    }
  }
  const sending = send()
  const joined: { readonly history: History; readonly live: Promise<number[]> }[] = []
  for (let wanted = 300; joined.length < joins; await setTimeout(2)) {
    const response = await fetch(`${running.url}/api/v1/readings?${range}`)
    const history = (await response.json()) as History // each member is looked at below
    if (response.status !== 200 || history.rows.length < wanted) continue
    assert.ok(history.asOf, JSON.stringify(history).slice(0, 200))
    // The live half starts late: what came meanwhile is replayed.
    await setTimeout(20)
    const live = liveFrom(running.url, history.asOf, (value) => isOver && value === next - 1)
    live.catch(() => {}) // awaited below
    joined.push({ history, live })
    wanted = history.rows.length + 300
  }
  isOver = true
  await sending
  // The last row may have come before it was known to be the last.
  await running.post(JSON.stringify({ device_id: device, tag_id: 'm', v: next, ts: begin + next++ }))

  for (const { history, live } of joined) {
    const values = await live
    const stored = new Set(history.rows.map(({ value }) => Number(value)))
    const all = new Set([...stored, ...values])
    const missing = Array.from({ length: next }, (_, i) => i).filter((i) => !all.has(i))
    assert.deepEqual(missing, [], `after ${stored.size} stored rows`)
    assert.equal(new Set(values).size, values.length, 'live says nothing twice')
    // The cursor is near: it does not replay what has long been in the answer.
    const repeated = values.filter((value) => stored.has(value)).length
    t.diagnostic(`${stored.size} rows of history, ${values.length} live, ${repeated} of them in both`)
  }
})
