import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCursor } from '../core/position.ts'
import { log, MemoryLog, TestClient } from '../../test/support/live-memory.ts'
import { LiveHub, type LiveSource } from './hub.ts'

function joined(source: LiveSource) {
  const hub = new LiveHub(source, { subscriptionsPerClient: 10 })
  const client = new TestClient()
  const { receive, left } = hub.join(client)
  const say = (request: object) => receive(JSON.stringify(request))
  return { hub, client, say, left, receive }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

test('a subscription gets the series it asked for, named once, from now on', async () => {
  const source = new MemoryLog()
  source.grow(30)
  const { hub, client, say } = joined(source)
  say({ type: 'subscribe', id: 'a', devices: 'pump*', metrics: ['temp'] })
  await client.until(() => client.frames.some((frame) => frame.type === 'subscribed'))
  source.grow(30)
  await client.until(() => client.values.length === 10)
  source.grow(3)
  await client.until(() => client.values.length === 11)
  assert.deepEqual(
    client.values,
    numbers(30, 63).filter((n) => n % 3 === 0),
  )
  const named = client.frames.flatMap((frame) => frame.series ?? [])
  assert.deepEqual(named, [[0, 'pump1', 'temp', '']])
  hub.close()
})

test('a series is named again when its unit becomes known', async () => {
  const source = new MemoryLog()
  const { hub, client, say } = joined(source)
  say({ type: 'subscribe', id: 'a', devices: 'pump*' })
  await client.until(() => client.frames.some((frame) => frame.type === 'subscribed'))
  source.grow(3)
  await client.until(() => client.values.length === 2)
  source.tellUnit('°C')
  source.grow(3)
  await client.until(() => client.values.length === 4)
  const named = client.frames.flatMap((frame) => frame.series ?? [])
  assert.deepEqual(named, [
    [0, 'pump1', 'temp', ''],
    [1, 'pump1', 'speed', ''],
    [0, 'pump1', 'temp', '°C'],
  ])
  hub.close()
})

test('from a cursor: what was missed, then live, without a gap or a repetition, while rows keep coming', async () => {
  const source = new MemoryLog()
  source.grow(100)
  const first = joined(source)
  const cursor = first.client.frames[0]?.cursor
  source.grow(100_000)
  const { client, say } = joined(source)
  const timer = setInterval(() => source.grow(7), 1)
  say({ type: 'subscribe', id: 'a', from: cursor })
  await client.until(() => client.values.length > 101_000)
  clearInterval(timer)
  const values = client.values
  assert.deepEqual(values, numbers(100, 100 + values.length))
})

test('a reader that takes nothing gets the newest value of each series and is told how many it missed', async () => {
  const source = new MemoryLog()
  const { hub, client, say } = joined(source)
  say({ type: 'subscribe', id: 'slow' })
  client.stall()
  source.grow(3)
  await client.until(() => client.values.length === 3)
  // Of the same group and behind the slow one in it: what this one has, the other has been offered.
  const quick = new TestClient()
  hub.join(quick).receive('{"type":"subscribe","id":"quick"}')
  for (let i = 0; i < 20; i++) source.grow(300)
  await quick.until(() => quick.values.at(-1) === 6002)
  client.resume()
  await client.until(() => client.frames.some((frame) => frame.type === 'gap'))
  await client.until(() => client.values.length > 3)
  const gap = client.frames.find((frame) => frame.type === 'gap')
  assert.deepEqual(
    client.values.slice(3).sort((a, b) => a - b),
    [6000, 6001, 6002],
  )
  assert.equal(Number(gap?.rows), 6000 - 3)
  hub.close()
})

test('what is no request, or no cursor of this log, is answered and costs nothing else', async () => {
  const source = new MemoryLog()
  const { hub, client, say, receive } = joined(source)
  for (const text of [
    '{',
    '[]',
    'null',
    '{"type":"subscribe"}',
    '{"type":"fly"}',
    '{"type":"subscribe","id":"a","devices":5}',
  ])
    receive(text)
  say({ type: 'subscribe', id: 'a', from: 'nonsense' })
  say({ type: 'subscribe', id: 'b', from: `${log}.0-zz` })
  say({ type: 'ping' })
  await client.until(() => client.frames.at(-1)?.type === 'pong')
  assert.equal(client.frames.filter((frame) => frame.type === 'error').length, 8)
  hub.close()
})

test('a gap is as long as what the log no longer holds, and what follows begins behind it', async () => {
  const source = new MemoryLog()
  source.grow(30)
  source.kept = 12
  const { hub, client, say } = joined(source)
  const cursor = (next: bigint) => encodeCursor([{ log, partition: 0, next }])
  say({ type: 'subscribe', id: 'a', from: cursor(5n) })
  await client.until(() => client.values.length === 18)
  const gaps = client.frames.filter(({ type }) => type === 'gap')
  assert.deepEqual(gaps, [{ type: 'gap', id: 'a', rows: 7, from: cursor(5n), to: cursor(12n) }])
  assert.deepEqual(client.values, numbers(12, 30))
  hub.close()
})

test('a cursor of another log is refused: what was missed since, nobody can say', () => {
  const source = new MemoryLog()
  source.grow(30)
  const { hub, client, say } = joined(source)
  const from = encodeCursor([{ log: '00000000-0000-4000-8000-000000000001', partition: 0, next: 5n }])
  say({ type: 'subscribe', id: 'a', from })
  assert.deepEqual(client.frames.slice(1), [
    {
      type: 'error',
      id: 'a',
      code: 'bad-request',
      message: `from: "${from}" is no cursor of this log; read history again, and go on from its asOf`,
    },
  ])
  assert.equal(hub.status.subscriptions, 0)
})

test('nobody listens, nothing is read', async () => {
  const source = new MemoryLog()
  const { hub, client, say, left } = joined(source)
  say({ type: 'subscribe', id: 'a' })
  source.grow(3)
  await client.until(() => client.values.length === 3)
  left()
  assert.deepEqual(hub.status, { clients: 0, subscriptions: 0, groups: 0 })
})
