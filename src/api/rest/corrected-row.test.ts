import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import type { Refused } from '../../../test/support/rest-rows.ts'

const row = { device_id: 'd', tag_id: 'm', v: 1, q: 192, ts: 5 }
const post = { stream: 'posts', key: 'k', time: 5, body: '{}' }
const receivedMs = 2e12

/** Letters of rows that the store main refused; their numbers are 0, 1, 2 … */
async function doorWithRows(t: TestContext, rows: readonly object[]) {
  const door = await openRestDoor(t, undefined, { passed: () => Promise.resolve() })
  const { log } = (await door.intake.durable()).position
  const letters = rows.map((one, i) => {
    const key = `main/${log}/${i}`
    const letter = { device: 'd', source: 'main', key, code: 'invalid-value', reason: 'no' }
    const body = JSON.stringify({ ...letter, bytes: Buffer.from(JSON.stringify(one)).toString('base64') })
    return { key, time: receivedMs * 1000, body }
  })
  const write = door.log.write(door.log.documents('dead-letters', letters))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const replay = async (id: number, body: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const url = `${door.url}/api/v1/dead-letters/${id}/replay`
    const answer = await fetch(url, { method: 'POST', headers, ...init })
    return { status: answer.status, body: (await answer.json()) as Refused } // each test looks at its members
  }
  return { door, replay }
}

test('a corrected row keeps the limits of a door, and the answer names the member', async (t) => {
  const { door, replay } = await doorWithRows(t, [row, post])
  for (let i = 0; i < 100; i++) door.intake.series('full', `m${i}`, 'number')
  const commits = door.commits()
  const deep = JSON.stringify({ a: [[[[[[[[[1]]]]]]]]] })
  for (const [id, change, field, reason, status = 400] of [
    [0, { device_id: 'x'.repeat(2_000) }, 'device_id', /limit is 1024/],
    [0, { tag_id: 'x'.repeat(2_000) }, 'tag_id', /limit is 1024/],
    [0, { unit: 'x'.repeat(2_000) }, 'unit', /limit is 1024/],
    [0, { device_id: 'a\0b' }, 'device_id', /U\+0000/],
    [0, { v: 'x'.repeat(5_000) }, 'v', /limit is 4096/],
    [0, { v: 'x'.repeat(70_000) }, 'text', /payloadBytes/, 413],
    [0, { ts: receivedMs + 3_600_001 }, 'ts', /too far ahead/],
    [0, { extra: 'not json' }, 'extra', /JSON object/],
    [0, { extra: '[1]' }, 'extra', /JSON object/],
    [0, { extra: deep }, 'extra', /too deep/],
    [0, { device_id: 'full' }, 'text', /limit/, 503],
    [0, { foo: 1 }, 'text', /no member "foo"/],
    [1, { key: 'x'.repeat(2_000) }, 'key', /limit is 1024/],
    [1, { body: 'x'.repeat(70_000) }, 'body', /limit is/],
    [1, { time: receivedMs * 1000 + 3_600_000_001 }, 'time', /too far ahead/],
  ] as const) {
    const text = JSON.stringify({ ...(id === 0 ? row : post), ...change })
    const answer = await replay(id, { text })
    const said = `${text.slice(0, 100)}: ${JSON.stringify(answer.body)}`
    assert.equal(answer.status, status, said)
    const [detail] = answer.body.error.details
    assert.deepEqual([detail?.field, reason.test(detail?.message ?? '')], [field, true], said)
  }
  const big = `{"device_id":"d","tag_id":"m","v":9007199254740995,"q":192,"ts":5}`
  assert.equal((await replay(0, { text: big })).body.error.details[0]?.field, 'v', 'it would lose digits')
  assert.equal(door.intake.books.rowsReceived, 0)
  assert.ok(door.commits() > commits, 'the letters were looked for')

  const good = {
    ...row,
    ts: receivedMs,
    v: 'x'.repeat(4_096),
    unit: '°C',
    extra: '{"a":[1,{"b":2}],"id":"7"}',
  }
  const answer = await replay(0, { text: JSON.stringify({ ...good, by_number: true }) })
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal((await replay(1, { text: JSON.stringify({ ...post, body: 'x' }) })).status, 200)
})

test('a row that was taken once is handed over as it was, whatever the limits are by now', async (t) => {
  const { replay } = await doorWithRows(t, [{ ...row, device_id: 'x'.repeat(2_000), ts: receivedMs * 2 }])
  assert.equal((await replay(0, undefined)).status, 200)
})

test('bytes in which a token is masked are asked for corrected: no right is missing', async (t) => {
  const { replay } = await doorWithRows(t, [{ ...row, v: '***' }])
  const { status, body } = await replay(0, undefined)
  assert.deepEqual([status, body.error.code, body.error.details[0]?.field], [400, 'bad-request', 'text'])
})
