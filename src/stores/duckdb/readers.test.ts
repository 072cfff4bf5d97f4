import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '../../../test/support/duckdb-store.ts'
import { Engine } from './engine.ts'
import { Readers } from './readers.ts'

const endless = 'SELECT count(*) FROM range(1000000000000) a'

test('an abort interrupts the statement that runs, and the reader serves the next one', async (t) => {
  const engine = await Engine.open({
    file: path.join(temporaryFolder(t), 'x.duckdb'),
    memoryLimitMb: 64,
    threads: 1,
  })
  t.after(() => engine.close())
  const readers = await Readers.open(engine)
  for (let i = 0; i < 4; i++) {
    const abort = new AbortController()
    const answer = readers.read(abort.signal, (sql) => {
      const rows = sql.rows(endless)
      abort.abort(new Error('called off'))
      return rows
    })
    await assert.rejects(answer, /called off/)
  }
  const rows = await readers.read(new AbortController().signal, (sql) => sql.rows('SELECT 42'))
  assert.deepEqual(rows, [[42]])
})

test('a query that waits for a reader leaves the line when it is called off', async (t) => {
  const engine = await Engine.open({
    file: path.join(temporaryFolder(t), 'x.duckdb'),
    memoryLimitMb: 64,
    threads: 1,
  })
  t.after(() => engine.close())
  const readers = await Readers.open(engine)
  const never = new AbortController().signal
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const running = [1, 2].map(() => readers.read(never, () => held))
  const abort = new AbortController()
  const waiting = readers.read(abort.signal, async () => assert.fail('it must not run'))
  abort.abort(new Error('called off'))
  await assert.rejects(waiting, /called off/)
  const last = readers.read(never, async () => 'ran')
  release()
  await Promise.all(running)
  assert.equal(await last, 'ran')
})

test('a pause waits for what runs and holds back the rest until it is over', async (t) => {
  const engine = await Engine.open({
    file: path.join(temporaryFolder(t), 'x.duckdb'),
    memoryLimitMb: 64,
    threads: 1,
  })
  t.after(() => engine.close())
  const readers = await Readers.open(engine)
  const never = new AbortController().signal
  const order: string[] = []
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const running = readers.read(never, async () => {
    await held
    order.push('first')
  })
  const paused = readers.pause().then(() => order.push('paused'))
  const waiting = readers.read(never, async () => order.push('second'))
  release()
  await Promise.all([running, paused])
  readers.resume()
  await waiting
  assert.deepEqual(order, ['first', 'paused', 'second'])
})

test('closing interrupts what runs and refuses what waits', async (t) => {
  const engine = await Engine.open({
    file: path.join(temporaryFolder(t), 'x.duckdb'),
    memoryLimitMb: 64,
    threads: 1,
  })
  const readers = await Readers.open(engine)
  const never = new AbortController().signal
  const calls = [1, 2, 3].map(() => readers.read(never, (sql) => sql.rows(endless)))
  const results = Promise.allSettled(calls)
  await readers.close()
  engine.close()
  assert.deepEqual(
    (await results).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
})
