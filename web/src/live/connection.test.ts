import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import test, { after, before, type TestContext } from 'node:test'
import { type DevServer, startDevServer } from '../../dev/server.ts'
import { LiveConnection, retryDelayMs } from './connection.ts'
import type { LiveRow } from './subscription.ts'

let server: DevServer
before(async () => {
  server = await startDevServer({ port: 0, devices: 6, letters: 0 })
})
after(() => server.close())

function connect(context: TestContext): LiveConnection {
  const url = `${server.url.replace('http', 'ws')}/ws`
  const connection = new LiveConnection({ url, retryMs: () => 40, silenceMs: 5000 })
  context.after(() => connection.close())
  return connection
}

async function until(isTrue: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!isTrue()) {
    assert.ok(Date.now() < deadline, 'it took more than ten seconds')
    await delay(5)
  }
}

test('a connection that is cut again and again shows every row once, in order', async (context) => {
  const connection = connect(context)
  const rows: LiveRow[] = []
  const device = 'bridge/deck-01'
  connection.subscribe(
    { devices: device, metrics: 'acceleration.x', from: undefined },
    {
      rows: (batch) => rows.push(...batch),
      skipped: () => assert.fail('nothing was skipped'),
      broken: () => assert.fail('the cursor holds'),
    },
  )
  connection.open()
  for (let cut = 1; cut <= 4; cut++) {
    const seen = rows.length
    await until(() => rows.length > seen + 3)
    server.live.cut()
    await until(() => connection.state.kind === 'waiting')
  }
  const seen = rows.length
  await until(() => rows.length > seen + 3)
  connection.close()

  const first = rows[0]
  const last = rows[rows.length - 1]
  assert.ok(first !== undefined && last !== undefined)
  const expected = server.history.rows(device, 'acceleration.x', first.time, last.time + 1)
  assert.deepEqual(rows, expected)
  assert.equal(server.live.resumed.length >= 4, true)
})

test('a subscription from a cursor is given first what came since', async (context) => {
  const { cursorAt } = await import('../../dev/live.ts')
  const connection = connect(context)
  const rows: LiveRow[] = []
  const start = Date.now() - 3000
  connection.subscribe(
    { devices: ['bridge/deck-01'], metrics: 'acceleration.*', from: cursorAt(start) },
    { rows: (batch) => rows.push(...batch), skipped: () => {}, broken: () => {} },
  )
  connection.open()
  await until(() => rows.length >= 4)
  connection.close()
  assert.ok((rows[0]?.time ?? Infinity) <= start + 50)
})

test('a cursor that the server cannot go on from is told, and the subscription goes on from now', async (context) => {
  const connection = connect(context)
  const heard: string[] = []
  connection.subscribe(
    { devices: 'bridge/deck-01', metrics: '*', from: '00000000-0000-4000-8000-000000000000.0-1' },
    { rows: () => heard.push('rows'), skipped: () => {}, broken: () => heard.push('broken') },
  )
  connection.open()
  await until(() => heard.length >= 2)
  connection.close()
  assert.deepEqual(heard.slice(0, 2), ['broken', 'rows'])
})

test('rows that the server skipped are told, and what follows goes on behind them', async (context) => {
  const connection = connect(context)
  let skipped = 0
  const rows: LiveRow[] = []
  connection.subscribe(
    { devices: 'bridge/deck-01', metrics: 'acceleration.x', from: undefined },
    { rows: (batch) => rows.push(...batch), skipped: (count) => (skipped += count), broken: () => {} },
  )
  connection.open()
  await until(() => rows.length > 0)
  server.live.skip()
  await until(() => skipped > 0)
  connection.close()
})

test('while the connection is away nothing is known to be missing, and afterwards it is', async (context) => {
  const connection = connect(context)
  assert.equal(connection.knownUntil, -Infinity)
  connection.open()
  await until(() => connection.state.kind === 'live')
  assert.equal(connection.knownUntil, Infinity)
  const before = Date.now()
  server.live.cut()
  await until(() => connection.state.kind === 'waiting')
  assert.ok(connection.knownUntil <= Date.now() && connection.knownUntil > before - 5000)
  await until(() => connection.state.kind === 'live')
  assert.equal(connection.knownUntil, Infinity)
})

test('an ended subscription hears nothing more', async (context) => {
  const connection = connect(context)
  let heard = 0
  let others = 0
  const ignore = { skipped: () => {}, broken: () => {} }
  const end = connection.subscribe(
    { devices: 'bridge/deck-01', metrics: '*', from: undefined },
    { rows: () => heard++, ...ignore },
  )
  connection.subscribe(
    { devices: 'bridge/deck-01', metrics: '*', from: undefined },
    { rows: () => others++, ...ignore },
  )
  connection.open()
  await until(() => heard > 0 && others > 0)
  end()
  const before = heard
  const othersBefore = others
  await until(() => others > othersBefore + 3)
  connection.close()
  assert.equal(heard, before)
})

test('tries come at growing distances up to fifteen seconds, and spread', () => {
  assert.deepEqual(
    [0, 1, 2, 5, 50].map((n) => retryDelayMs(n, 0.5)),
    [500, 1000, 2000, 15_000, 15_000],
  )
  assert.ok(retryDelayMs(3, 0) < retryDelayMs(3, 1))
})
