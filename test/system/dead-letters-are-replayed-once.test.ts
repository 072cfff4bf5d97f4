import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import mqtt from 'mqtt'
import { SluiceHttp } from '../support/sluice-http.ts'
import { readStatus } from '../support/sluice-status.ts'

interface Letter {
  readonly id: string
  readonly code: string
  readonly reason: string
  readonly source: string
  readonly device?: string
  readonly text: string
}

interface Answer {
  readonly rows?: number
  readonly applied?: boolean
  readonly replayed?: number
  readonly failed?: number
  readonly failures?: readonly { readonly id: string; readonly field?: string; readonly reason: string }[]
  readonly next?: string
  readonly error?: {
    readonly code: string
    readonly message: string
    readonly details?: readonly { readonly field: string; readonly message: string }[]
  }
}

/** Rows times 1e300 of the metric `boom` are no finite numbers: the store refuses them. */
const refusing = '[{"type":"scale","metric":"boom","factor":1e300}]'

test('a letter is read again as it was or corrected, becomes its rows once, and stays where it fails again', async (t) => {
  const running = await SluiceHttp.start(t, {
    settings: {
      'pipelines.main.processors': refusing,
      'stores.main.type': 'duckdb',
      'stores.second.type': 'duckdb',
    },
  })
  const send = await publisher(t, running)
  await send('dev/a/m', '{"v":')
  await send('dev/b/m', '{"v":1,"token":"s3cret","q":1000}')
  await send('dev/c/m', 'tru')
  await send('dev/c/m', '[{"v":1},{"v":{}}]')
  const [array, word, masked, cut] = await letters(running, 4)
  assert.ok(cut && masked && word && array)

  const again = await replay(running, cut.id)
  assert.equal(again.status, 400)
  assert.equal(again.answer.error?.code, 'undecodable')
  assert.match(again.answer.error?.message ?? '', /^it fails again, and stays: /)
  const hidden = await replay(running, masked.id)
  assert.deepEqual([hidden.status, hidden.answer.error?.details?.[0]?.field], [400, 'text'])
  assert.match(hidden.answer.error?.message ?? '', /masked/)
  const half = await replay(running, array.id, { text: '[{"v":7},{"v":[]}]' })
  assert.deepEqual([half.status, half.answer.error?.details?.[0]?.field], [400, 'v'])
  assert.equal((await letters(running, 4)).length, 4, 'nothing came of it, and no second letter')
  assert.deepEqual(await values(running, 'c'), [1], 'the good row of the array, as it came')

  // Rows without a time take that of the letter, in order of their numbers.
  const both = await Promise.all([
    replay(running, cut.id, { text: '{"v":21.5}' }),
    replay(running, cut.id, { text: '{"v":21.5}' }),
  ])
  const [one, other] = both.toSorted((x, y) => x.status - y.status)
  assert.deepEqual([one?.status, one?.answer.rows, one?.answer.applied], [200, 1, true])
  assert.ok(other?.status === 404 || other?.status === 503, 'two callers at once: one of them')
  const gone = await replay(running, cut.id)
  assert.equal(gone.answer.error?.message, `there is no letter ${cut.id}: local has replayed it`)
  const stored = await running.rows('a')
  assert.deepEqual(
    stored.map(({ metric, value, time }) => [metric, value, time]),
    [['m', 21.5, cut.time]],
  )

  const bytes = Buffer.from('{"v":2,"token":"s3cret"}').toString('base64')
  assert.equal((await replay(running, masked.id, { bytes })).answer.rows, 1)
  assert.equal((await replay(running, word.id, { text: 'true', topic: 'dev/d/m' })).answer.rows, 1)
  const many = await replayMany(running, 'device=c')
  assert.deepEqual([many.answer.replayed, many.answer.failed], [0, 1])
  assert.equal(many.answer.failures?.[0]?.id, array.id)
  assert.equal((await remove(running, array.id)).status, 200)
  assert.equal((await remove(running, array.id)).status, 404)
  await running.drained()
  assert.deepEqual(await values(running, 'b'), [2])
  assert.deepEqual(await values(running, 'd'), [1])
  assert.deepEqual(await letters(running, 0), [])

  const { books } = await readStatus(running.sluice)
  assert.equal(books.messagesReceived, 4 + 3, 'a replayed letter is one message more')
  assert.ok(books.balanced)

  // The store's own letters: under their old numbers, to that store alone.
  const ts = 1_768_473_000_000
  await send('dev/e/boom', `{"v":1e9,"ts":${ts}}`)
  await send('dev/e/boom', `{"v":2e9,"ts":${ts + 1}}`)
  const refused = await letters(running, 2)
  const row = (v: number, time: number) =>
    JSON.stringify({ device_id: 'e', tag_id: 'boom', v, q: 192, ts: time })
  const [second, first] = refused
  assert.ok(first && second)
  assert.deepEqual([first.source, first.device, first.code], ['main', 'e', 'invalid-value'])
  const unchanged = await replay(running, first.id)
  assert.deepEqual([unchanged.status, unchanged.answer.error?.details?.[0]?.field], [400, 'v'])
  const { answer: told } = await replay(running, first.id, { text: row(5, ts) })
  assert.deepEqual([told.rows, told.applied], [1, true])
  assert.deepEqual(await values(running, 'e'), [5])
  const late = await replay(running, second.id, { text: row(6, 9_007_199_100_000) })
  assert.deepEqual([late.status, late.answer.error?.details?.[0]?.field], [400, 'ts'])
  assert.equal((await replay(running, second.id, { text: row(6, ts + 1) })).answer.rows, 1)
  assert.deepEqual(await values(running, 'e'), [5, 6])
  await running.drained()
  const { sinks, alarms } = await readStatus(running.sluice)
  const replays = sinks.filter(({ stream }) => stream === 'letter-replays')
  assert.deepEqual(
    replays.map(({ name, books, balanced }) => [
      ...[name, books.handed, books.stored, books.deadLettered],
      ...[books.filtered, balanced],
    ]),
    [
      ['main', 2, 2, 0, 0, true],
      ['second', 2, 0, 0, 2, true],
    ],
  )
  assert.deepEqual(alarms, [])
})

/** Sends with QoS 1. */
async function publisher(t: TestContext, { sluice }: SluiceHttp) {
  const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${sluice.mqttPort}`, { reconnectPeriod: 0 })
  client.on('error', () => undefined)
  t.after(() => client.end(true))
  return async (topic: string, payload: string): Promise<void> => {
    await client.publishAsync(topic, payload, { qos: 1 })
  }
}

async function letters(
  running: SluiceHttp,
  atLeast: number,
): Promise<(Letter & { readonly time: number })[]> {
  for (;;) {
    const answer = await running.get<{ letters: (Letter & { time: number })[] }>('/api/v1/dead-letters')
    if (answer.letters.length >= atLeast) return answer.letters
    await setTimeout(20)
  }
}

async function ask(running: SluiceHttp, method: string, path: string, body?: object) {
  const init =
    body === undefined
      ? { method }
      : { method, body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${running.url}/api/v1/dead-letters${path}`, init)
  return { status: response.status, answer: (await response.json()) as Answer } // as documented
}

const replay = (running: SluiceHttp, id: string, body?: object) => ask(running, 'POST', `/${id}/replay`, body)
const replayMany = (running: SluiceHttp, query: string) => ask(running, 'POST', `/replay?${query}`)
const remove = (running: SluiceHttp, id: string) => ask(running, 'DELETE', `/${id}`)

async function values(running: SluiceHttp, device: string): Promise<(number | string)[]> {
  return (await running.rows(device)).map(({ value }) => value)
}
