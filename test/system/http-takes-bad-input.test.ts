import assert from 'node:assert/strict'
import test from 'node:test'
import { SluiceHttp } from '../support/sluice-http.ts'

const time = 1_705_314_600_000
const good = (v: number) => `{"device_id":"good","tag_id":"v","v":${v},"ts":${time + v}}`
const bad = (member: string) => `{"device_id":"bad","tag_id":"v",${member}}`

/** What delivery promises for bad input: each record, the code it is refused with, and the field that is named where one is. */
const refused: readonly [record: string, code: string, field?: string][] = [
  ['{"device_id":"bad","tag_id":"v","v":', 'undecodable'],
  ['nonsense', 'undecodable'],
  ['NaN', 'undecodable'],
  [bad('"v":NaN'), 'undecodable'],
  [bad('"v":Infinity'), 'undecodable'],
  [bad('"v":1e999'), 'invalid-value', 'v'],
  [bad('"v":null'), 'invalid-value', 'v'],
  [bad('"v":[1]'), 'invalid-value', 'v'],
  [bad('"v":{"a":1}'), 'invalid-value', 'v'],
  [bad('"v":9007199254740993'), 'invalid-value', 'v'],
  [bad('"v":"a\\u0000b"'), 'invalid-value'],
  [bad(`"v":"${'x'.repeat(5_000)}"`), 'invalid-value', 'v'],
  [bad('"v":1,"ts":"yesterday"'), 'invalid-time', 'ts'],
  [bad(`"v":1,"ts":${Date.now() + 2 * 3_600_000}`), 'invalid-time', 'ts'],
  [bad('"v":1,"ts":99999999999999999999'), 'invalid-time', 'ts'],
  ['{"device_id":"b\\u0000d","tag_id":"v","v":1}', 'invalid-value'],
  [`{"device_id":"${'d'.repeat(2_000)}","tag_id":"v","v":1}`, 'invalid-name', 'device_id'],
  ['{"tag_id":"v","v":1}', 'missing-field'],
  ['{"device_id":"bad"}', 'missing-field'],
]

/** Names and texts that trip quoting, escaping and encoding: they are kept as they are. */
const odd = [
  '"',
  '\\',
  "'",
  '😀',
  '__proto__',
  'constructor',
  '\u2028',
  '%00',
  '${x}',
  '; DROP TABLE r1',
  'ÿ',
  '\n',
  '\t',
  '\u0007',
  'a/b',
  '../..',
  ' ',
]

test('bad input of every kind is answered by line, code and field, its neighbours are stored, and nothing falls over', async (t) => {
  const running = await SluiceHttp.start(t)
  let v = 0
  for (const [record, code, field] of refused) {
    const lines = await running.post([good(++v), record, good(++v)].join('\n'), {
      'content-type': 'application/x-ndjson',
    })
    const found = lines.answer.refusals?.[0]
    assert.equal(lines.status, 400, record.slice(0, 100))
    assert.deepEqual(
      [lines.answer.accepted, lines.answer.refused, found?.line, found?.code],
      [2, 1, 2, code],
      record.slice(0, 100),
    )
    if (field !== undefined) assert.equal(found?.field, field, record.slice(0, 100))
    assert.ok((found?.reason.length ?? 0) > 5)
    assert.ok(lines.answer.cursor)
  }
  const outside = Buffer.concat([
    Buffer.from(`[${good(++v)},{"device_id":"b`),
    Buffer.from([0xff]),
    Buffer.from(`d","v":1},${good(++v)}]`),
  ])
  const invalid = await running.post(Uint8Array.from(outside))
  assert.deepEqual(
    [invalid.status, invalid.answer.accepted, invalid.answer.refusals?.[0]?.index],
    [400, 2, 1],
  )

  const whole = await running.post(`{"device_id":"bad","tag_id":"v","v":"${'x'.repeat(70_000)}"}`)
  assert.deepEqual([whole.status, whole.answer.error?.code], [413, 'too-large'])
  const long = await running.post(`[${good(1)},${' '.repeat(4_200_000)}${good(2)}]`)
  assert.deepEqual([long.status, long.answer.error?.code], [413, 'too-large'])
  const deep = await running.post(`${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)
  assert.equal(deep.status, 400)
  const commas = await running.post(`[${','.repeat(1_000_000)}]`)
  assert.equal(commas.status, 400)
  assert.equal((await running.post(good(1), { origin: 'https://evil.example' })).status, 403)
  assert.equal((await running.post(good(1), { 'content-type': 'text/plain' })).status, 415)

  await running.drained()
  const rows = await running.rows('good')
  assert.deepEqual(
    rows.map(({ value }) => value).sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: v }, (_, i) => i + 1),
  )
  assert.deepEqual(await running.rows('bad'), [])
  const status = await running.get<{
    books: { balanced: boolean; rowsDeadLettered: number }
    alarms: unknown[]
  }>('/status')
  assert.deepEqual([status.books.balanced, status.books.rowsDeadLettered, status.alarms], [true, 0, []])
  assert.deepEqual(await running.get('/api/v1/dead-letters'), { letters: [] }, 'who posts has had an answer')
})

test('odd names and texts are stored and read back as they are', async (t) => {
  const running = await SluiceHttp.start(t)
  const records = odd.map((name, i) => ({
    device_id: `d${name}`,
    tag_id: `m${name}`,
    v: `t${name}`,
    ts: time + i,
  }))
  const { status, answer } = await running.post(JSON.stringify(records))
  assert.deepEqual([status, answer.accepted], [202, odd.length], JSON.stringify(answer.refusals))
  await running.drained()
  for (const [i, name] of odd.entries())
    assert.deepEqual(
      await running.rows(`d${name}`),
      [{ metric: `m${name}`, time: time + i, value: `t${name}`, quality: 192 }],
      name,
    )
  const { devices } = await running.get<{ devices: { device: string }[] }>('/api/v1/devices')
  assert.deepEqual(devices.map(({ device }) => device).sort(), odd.map((name) => `d${name}`).sort())
})

test('strict and kinds: what is not declared, or declared otherwise, is refused', async (t) => {
  const running = await SluiceHttp.start(t, {
    settings: {
      'series.strict': 'true',
      'series.declare': '[{device: "*", metric: v, kind: number}, {device: "*", metric: note, kind: text}]',
    },
  })
  const record = (metric: string, v: unknown) =>
    JSON.stringify({ device_id: 'd', tag_id: metric, v, ts: time })
  const { status, answer } = await running.post(
    `[${record('v', 1)},${record('other', 1)},${record('v', 'text')},${record('note', 7.5)},${record('note', 'text')}]`,
  )
  assert.equal(status, 400)
  assert.deepEqual(
    answer.refusals?.map(({ index, code }) => [index, code]),
    [
      [1, 'unknown-metric'],
      [2, 'wrong-kind'],
      [3, 'wrong-kind'],
    ],
  )
  await running.drained()
  assert.deepEqual(
    (await running.rows('d')).map(({ metric, value }) => [metric, value]),
    [
      ['note', 'text'],
      ['v', 1],
    ],
  )
})
