import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { SinkFailure } from '../../core/sink.ts'
import {
  never,
  noTerms,
  openStore,
  PaperLog,
  rowsOf,
  temporaryFolder,
} from '../../../test/support/duckdb-store.ts'

const at = (seconds: number) => 1_700_000_000_000_000 + seconds * 1_000_000

test('rows are stored with their position and books, and read back in order', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  const written = await log.put(store, [
    { device: 'pump', metric: 'temp', time: at(0), value: 1.5 },
    { device: 'pump', metric: 'state', time: at(0), value: 'running', quality: 64, extra: '{"a":1}' },
    { device: 'pump', metric: 'temp', time: at(1), value: -2 },
  ])
  assert.deepEqual(written, { stored: 3, repeated: 0, overwritten: 0, refused: [] })
  assert.deepEqual(await rowsOf(store, 'pump'), [
    { metric: 'state', time: at(0), value: 'running', quality: 64, seq: 1n },
    { metric: 'temp', time: at(0), value: 1.5, quality: 192, seq: 0n },
    { metric: 'temp', time: at(1), value: -2, quality: 192, seq: 2n },
  ])
  const state = await store.state(log.id, 0)
  assert.equal(state?.position.next, 3n)
  assert.deepEqual(state?.books, { ...noTerms, handed: 3, stored: 3, repeated: 0, overwritten: 0 })
  assert.deepEqual(await store.count(never), { readings: 3, documents: 0 })
})

test('a unit that is told after the first reading is the unit of the series, at once and when the store is opened again', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const log = new PaperLog()
  const store = await openStore(t, file)
  const units = async (from: typeof store) =>
    (await from.series(undefined, undefined, 10, never)).map(({ device, unit }) => [device, unit])
  const put = (second: number) =>
    log.put(store, [
      { device: 'p', metric: 't', time: at(second), value: 1 },
      { device: 'q', metric: 't', time: at(second), value: 1 },
    ])
  await put(0)
  log.seriesId('p', 't', '°C')
  await put(1)
  const known = [
    ['p', '°C'],
    ['q', ''],
  ]
  assert.deepEqual(await units(store), known)
  await store.close()
  assert.deepEqual(await units(await openStore(t, file)), known)
})

test('a store that is opened again stands where it was closed', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const log = new PaperLog()
  const first = await openStore(t, file)
  await log.put(first, [
    { device: 'a', metric: 'm', time: at(5), value: 5 },
    { device: 'b', metric: 'm', time: at(6), value: 'six' },
  ])
  await first.close()
  const second = await openStore(t, file)
  assert.equal((await second.state(log.id, 0))?.position.next, 2n)
  assert.deepEqual(
    (await second.latest(undefined, 10, never)).map(({ device, value }) => [device, value]),
    [
      ['a', 5],
      ['b', 'six'],
    ],
  )
  const written = await log.put(second, [
    { device: 'a', metric: 'm', time: at(4), value: 4 },
    { device: 'a', metric: 'm', time: at(5), value: 50 },
  ])
  assert.deepEqual(written, { stored: 1, repeated: 0, overwritten: 1, refused: [] })
})

test('a write from another position than the stored one is fenced and changes nothing', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  await log.put(store, [{ device: 'a', metric: 'm', time: at(0), value: 1 }])
  const late = new PaperLog({ of: log })
  await assert.rejects(
    late.put(store, [{ device: 'a', metric: 'm', time: at(1), value: 2 }]),
    (error: unknown) => error instanceof SinkFailure && error.kind === 'stop' && /fenced/.test(error.message),
  )
  assert.deepEqual(await store.count(never), { readings: 1, documents: 0 })
  // The failed write raised no highest time: the row still takes the fast lane's place once.
  const written = await log.put(store, [{ device: 'a', metric: 'm', time: at(1), value: 3 }])
  assert.equal(written.stored, 1)
  assert.deepEqual(
    (await rowsOf(store, 'a')).map(({ value }) => value),
    [1, 3],
  )
})

test('the higher number wins, within a batch and against what is stored', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  const row = (seconds: number, value: number) => ({ device: 'a', metric: 'm', time: at(seconds), value })
  assert.deepEqual(await log.put(store, [row(1, 1), row(2, 2), row(1, 10), row(1, 11)]), {
    stored: 2,
    repeated: 0,
    overwritten: 2,
    refused: [],
  })
  assert.deepEqual(await log.put(store, [row(2, 20), row(3, 3), row(0, 0)]), {
    stored: 2,
    repeated: 0,
    overwritten: 1,
    refused: [],
  })
  assert.deepEqual(
    (await rowsOf(store, 'a')).map(({ value }) => value),
    [0, 11, 20, 3],
  )
  assert.equal((await store.count(never)).readings, 4)
})

test('a replay that brings newer and older rows at once takes only the newer ones', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog({ next: 10n })
  const row = (seconds: number, value: number) => ({ device: 'a', metric: 'm', time: at(seconds), value })
  await log.put(store, [row(1, 10), row(2, 11)])
  const late = new PaperLog({ of: log, next: 9n })
  const batch = { ...late.readings([row(1, 9), row(2, 15)]), row: Uint32Array.of(0, 6) }
  assert.deepEqual(await store.replaySink('r').write(late.write(batch), never), {
    stored: 0,
    repeated: 1,
    overwritten: 1,
    refused: [],
  })
  assert.deepEqual(
    (await rowsOf(store, 'a')).map(({ value, seq }) => [value, seq]),
    [
      [10, 10n],
      [15, 15n],
    ],
  )
})

test('rows replayed beside the live lane are repeats, and move a position of their own', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  const rows = [
    { device: 'a', metric: 'm', time: at(1), value: 1 },
    { device: 'a', metric: 'm', time: at(1), value: 2, byNumber: true },
    { device: 'a', metric: 'm', time: at(1), value: 3, byNumber: true },
  ]
  assert.equal((await log.put(store, rows)).stored, 3)
  const again = new PaperLog({ of: log })
  const sink = store.replaySink('r1')
  assert.deepEqual(await again.put(sink, rows), { stored: 0, repeated: 3, overwritten: 0, refused: [] })
  assert.equal((await sink.state(log.id, 0))?.books.repeated, 3)
  assert.equal((await store.state(log.id, 0))?.books.repeated, 0)
  assert.equal((await store.count(never)).readings, 3)
})

test('a replay that runs ahead of the live lane does not make it store rows twice', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  await log.put(store, [{ device: 'a', metric: 'm', time: at(0), value: 0 }])
  const rows = [
    { device: 'a', metric: 'm', time: at(1), value: 1, byNumber: true },
    { device: 'a', metric: 'm', time: at(1), value: 2, byNumber: true },
  ]
  const ahead = new PaperLog({ of: log, next: 1n })
  assert.equal((await ahead.put(store.replaySink('r'), rows)).stored, 2)
  assert.equal((await log.put(store, rows)).repeated, 2)
  assert.equal((await store.count(never)).readings, 3)
})

test('another log starts its own position, and its rows win over those of the older log', async (t) => {
  const store = await openStore(t)
  const old = new PaperLog({ next: 1_000n })
  await old.put(store, [
    { device: 'a', metric: 'm', time: at(1), value: 1 },
    { device: 'a', metric: 'm', time: at(2), value: 2, byNumber: true },
  ])
  const restored = new PaperLog()
  assert.deepEqual(await restored.put(store, [{ device: 'a', metric: 'm', time: at(1), value: 10 }]), {
    stored: 0,
    repeated: 0,
    overwritten: 1,
    refused: [],
  })
  assert.deepEqual(await old.put(store, [{ device: 'a', metric: 'm', time: at(1), value: 11 }]), {
    stored: 0,
    repeated: 1,
    overwritten: 0,
    refused: [],
  })
  // A restored log gives the number again to the same record: the same row, not a second one.
  const same = new PaperLog({ next: 1_001n })
  const written = await same.put(store, [{ device: 'a', metric: 'm', time: at(2), value: 2, byNumber: true }])
  assert.equal(written.overwritten, 1)
  assert.equal((await store.count(never)).readings, 2)
})

test('names and texts of every kind come back as they were given, from a file that is opened again too', async (t) => {
  const file = path.join(temporaryFolder(t), 'store.duckdb')
  const first = await openStore(t, file)
  const log = new PaperLog()
  const names = [
    '__proto__',
    `o'brien "x"`,
    'back\\slash',
    '🚀\u{10FFFF}',
    '%_',
    '$1',
    '; DROP TABLE series',
    ' ',
    'é',
    'mark',
    '\uFEFFmark',
    'a\u0000b',
  ]
  await log.put(
    first,
    names.map((name) => ({ device: name, metric: name, time: at(0), value: name })),
  )
  const posts = names.map((name) => ({ key: name, time: at(0), body: name }))
  await first.sink('posts').write(log.write(log.documents('posts', posts)), never)
  await first.close()
  const store = await openStore(t, file)
  for (const name of names) {
    assert.deepEqual(
      (await rowsOf(store, name, name)).map(({ metric, value }) => [metric, value]),
      [[name, name]],
    )
  }
  const newest = await store.latest(undefined, 100, never)
  const twice = new Set(names.map((name) => [name, name].join()))
  assert.deepEqual(new Set(newest.map(({ device, value }) => [device, value].join())), twice)
  const all = {
    stream: 'posts',
    key: undefined,
    from: -Infinity,
    to: Infinity,
    match: undefined,
    limit: 100,
    before: undefined,
  }
  const documents = await store.documents(all, never)
  assert.deepEqual(new Set(documents.map(({ key, body }) => [key, body].join())), twice)
  const { rows } = await store.devices({ prefix: '', match: '', after: undefined, limit: 100 }, never)
  assert.deepEqual(new Set(rows.map(({ device }) => device)), new Set(names))
})

test('rows that cannot be stored are refused by index, and their batch is not written', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  const write = log.write(
    log.readings([
      { device: 'a', metric: 'm', time: at(0), value: 1 },
      { device: 'a', metric: 'm', time: Number.NaN, value: 1 },
      { device: 'a', metric: 'm', time: at(0), value: Number.POSITIVE_INFINITY },
    ]),
  )
  const written = await store.write(write, never)
  assert.deepEqual(
    written.refused.map(({ index, code }) => [index, code]),
    [
      [1, 'invalid-time'],
      [2, 'invalid-value'],
    ],
  )
  assert.equal(await store.state(log.id, 0), undefined)
  assert.equal((await store.count(never)).readings, 0)
})

test('documents are stored once, found by key, time and text, newest first', async (t) => {
  const store = await openStore(t)
  const log = new PaperLog()
  const posts = [
    { key: 'ann', time: at(0), body: '{"text":"Hello World"}' },
    { key: 'bob', time: at(1), body: '{"text":"100% _sure_"}' },
    { key: 'ann', time: at(2), body: '{"text":"bye"}' },
  ]
  const sink = store.sink('posts')
  assert.equal((await sink.write(log.write(log.documents('posts', posts)), never)).stored, 3)
  const again = new PaperLog({ of: log })
  const replayed = await store
    .replaySink('r', 'posts')
    .write(again.write(again.documents('posts', posts)), never)
  assert.equal(replayed.repeated, 3)
  const ask = async (query: object) =>
    (
      await store.documents(
        {
          stream: 'posts',
          key: undefined,
          from: -Infinity,
          to: Infinity,
          match: undefined,
          limit: 10,
          before: undefined,
          ...query,
        },
        never,
      )
    ).map(({ seq }) => Number(seq))
  assert.deepEqual(await ask({}), [2, 1, 0])
  assert.deepEqual(await ask({ key: 'ann' }), [2, 0])
  assert.deepEqual(await ask({ match: 'hello' }), [0])
  assert.deepEqual(await ask({ match: '% _' }), [1])
  assert.deepEqual(await ask({ from: at(1), to: at(2) }), [1])
  assert.deepEqual(await ask({ before: 2n, limit: 1 }), [1])
  assert.deepEqual(await ask({ stream: 'nothing' }), [])
})
