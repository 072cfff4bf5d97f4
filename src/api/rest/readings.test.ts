import assert from 'node:assert/strict'
import test from 'node:test'
import type { StoreQueries } from './store-queries.ts'
import { decodeCursor } from '../../core/position.ts'
import { PaperLog } from '../../../test/support/duckdb-store.ts'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { begin, beginMs, bind, hour, many, names, page, type Row } from '../../../test/support/rest-rows.ts'

test('every page of a range comes after the one before, and together they are the range', async (t) => {
  const door = await openRestDoor(t)
  const rows = Array.from({ length: 250 }, (_, i) => ({
    device: 'd',
    metric: ['temp', 'pressure', 'note'][i % 3] as string,
    time: begin + (i >> 1) * 1_000_123,
    value: i % 3 === 2 ? `note ${i}` : i / 7,
    quality: i % 256,
    byNumber: true,
  }))
  await door.log.put(door.store.sink('readings'), rows)
  for (const order of ['asc', 'desc']) {
    const all = await page(door, `device=d&${hour}&limit=1000&order=${order}`)
    assert.equal(all.rows.length, 250)
    assert.equal(all.next, undefined)
    const found: Row[] = []
    let cursor = ''
    let pages = 0
    do {
      const part = await page(door, `device=d&${hour}&limit=7&order=${order}${cursor}`)
      found.push(...part.rows)
      cursor = part.next === undefined ? '' : `&cursor=${part.next}`
      pages++
    } while (cursor !== '')
    assert.equal(pages, Math.ceil(250 / 7))
    assert.deepEqual(found, all.rows)
  }
  const exact = await page(door, `device=d&${hour}&limit=250`)
  assert.deepEqual([exact.rows.length, exact.next], [250, undefined])

  const notes = await page(door, `device=d&metric=note&${hour}&limit=1&time=rfc3339`)
  assert.deepEqual(notes.rows, [
    { metric: 'note', time: '2024-01-15T10:30:01.000123Z', value: 'note 2', quality: 2 },
  ])
  const sent = rows
    .filter(({ metric }) => metric === 'temp')
    .map(({ time, value, quality }) => ({ metric: 'temp', time: time / 1000, value, quality }))
  assert.deepEqual((await page(door, `device=d&metric=temp&${hour}`)).rows, sent)
})

test('any name comes back as it went in, everywhere', async (t) => {
  const door = await openRestDoor(t)
  await door.log.put(
    door.store.sink('readings'),
    names.map((name, i) => ({ device: name, metric: name, time: begin, value: i % 2 === 0 ? i : name })),
  )
  const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  const devices: string[] = []
  let cursor = ''
  do {
    const { body } = await door.get(`/api/v1/devices?limit=5${cursor}`)
    const part = body as { devices: { device: string }[]; next?: string }
    devices.push(...part.devices.map(({ device }) => device))
    cursor = part.next === undefined ? '' : `&cursor=${part.next}`
  } while (cursor !== '')
  assert.deepEqual(devices, sorted)

  const series: string[] = []
  do {
    const { body } = await door.get(`/api/v1/series?limit=5${cursor}`)
    const part = body as { series: { device: string; metric: string }[]; next?: string }
    series.push(...part.series.map(({ metric }) => metric))
    cursor = part.next === undefined ? '' : `&cursor=${part.next}`
  } while (cursor !== '')
  assert.deepEqual(series, sorted)

  for (const [i, name] of names.entries()) {
    const one = encodeURIComponent(name)
    const { device, rows } = await page(door, `device=${one}&metric=${one}&${hour}`)
    assert.equal(device, name)
    assert.deepEqual(rows, [{ metric: name, time: beginMs, value: i % 2 === 0 ? i : name, quality: 192 }])
    const latest = (await door.get(`/api/v1/latest?device=${one}`)).body as { latest: unknown[] }
    assert.deepEqual(latest.latest, [
      { device: name, metric: name, unit: '', time: beginMs, value: i % 2 === 0 ? i : name, quality: 192 },
    ])
    const buckets = (await door.get(`/api/v1/readings?device=${one}&${hour}&step=1m&aggregate=count`)).body
    assert.deepEqual(buckets, {
      device: name,
      asOf: door.asOf,
      step: 60_000,
      buckets: [{ metric: name, time: beginMs, count: 1 }],
    })
    const prefixed = (await door.get(`/api/v1/devices?prefix=${one}`)).body as {
      devices: { device: string }[]
    }
    assert.ok(prefixed.devices.some(({ device }) => device === name))
  }
})

test('lists say when there is more than the limit', async (t) => {
  const door = await openRestDoor(t)
  await door.log.put(
    door.store.sink('readings'),
    Array.from({ length: 10 }, (_, i) => ({ device: `d${i}`, metric: 'm', time: begin, value: i })),
  )
  const all = (await door.get('/api/v1/latest?limit=10')).body as { latest: unknown[]; truncated?: boolean }
  assert.deepEqual([all.latest.length, all.truncated], [10, undefined])
  const some = (await door.get('/api/v1/latest?limit=9')).body as { latest: unknown[]; truncated?: boolean }
  assert.deepEqual([some.latest.length, some.truncated], [9, true])
  const none = (await door.get('/api/v1/latest?device=nobody')).body
  assert.deepEqual(none, { asOf: door.asOf, latest: [] })
  assert.deepEqual((await door.get('/api/v1/devices?prefix=x')).body, {
    asOf: door.asOf,
    total: 0,
    devices: [],
  })
  assert.deepEqual((await door.get('/api/v1/series?device=x')).body, { series: [] })
  assert.deepEqual((await door.get(`/api/v1/readings?device=x&${hour}`)).body, {
    device: 'x',
    asOf: door.asOf,
    rows: [],
  })
  assert.deepEqual((await door.get(`/api/v1/readings?device=x&${hour}&step=1s`)).body, {
    device: 'x',
    asOf: door.asOf,
    step: 1000,
    buckets: [],
  })
})

test('devices are found by any part of their names, and counted over all pages', async (t) => {
  const door = await openRestDoor(t)
  const names = ['Pump-1', 'pump-2', 'site/PUMP-3', 'site/fan-1', 'ÄRGER-1']
  await door.log.put(
    door.store.sink('readings'),
    names.map((device) => ({ device, metric: 'm', time: begin, value: 1 })),
  )
  const find = async (query: string) => {
    const { body } = await door.get(`/api/v1/devices?${query}`)
    const { devices, total, next } = body as { devices: { device: string }[]; total: number; next?: string }
    return { found: devices.map(({ device }) => device), total, next }
  }
  assert.deepEqual(await find('match=pump'), {
    found: ['Pump-1', 'pump-2', 'site/PUMP-3'],
    total: 3,
    next: undefined,
  })
  assert.deepEqual((await find('match=PUMP&prefix=site')).found, ['site/PUMP-3'])
  assert.deepEqual((await find('match=%C3%A4rger')).found, ['ÄRGER-1'])
  const { found, total, next } = await find('match=-&limit=2')
  assert.deepEqual([found, total], [['Pump-1', 'pump-2'], 5])
  const rest = await find(`match=-&limit=9&cursor=${next}`)
  assert.deepEqual(
    [rest.found, rest.total, rest.next],
    [['site/PUMP-3', 'site/fan-1', 'ÄRGER-1'], 5, undefined],
  )
})

test('answers say what they hold at least: what the store stood at before it was asked', async (t) => {
  const log = new PaperLog()
  let next = 3n
  const position = async () => ({ log: log.id, partition: 0, next })
  // The store goes on while it is asked: the answer may hold more, but must not say so.
  const whileAsked = (store: StoreQueries): StoreQueries =>
    bind(store, {
      latest: (...asked) => ((next = 1_000n), store.latest(...asked)),
      devices: (...asked) => ((next = 1_000n), store.devices(...asked)),
      async *range(...asked) {
        next = 1_000n
        yield* store.range(...asked)
      },
      async *buckets(...asked) {
        next = 1_000n
        yield* store.buckets(...asked)
      },
    })
  const door = await openRestDoor(t, whileAsked, { position })
  await log.put(door.store.sink('readings'), many(3))
  for (const path of [
    'latest',
    'devices',
    `readings?device=d&${hour}`,
    `readings?device=d&${hour}&step=1m`,
  ]) {
    next = 3n
    const { asOf } = (await door.get(`/api/v1/${path}`)).body as { asOf: string }
    assert.deepEqual(decodeCursor(asOf), [{ log: log.id, partition: 0, next: 3n }], path)
    assert.equal(next, 1_000n, path)
  }
})

test('buckets hold what was asked of them, and leave out what they have no number for', async (t) => {
  const door = await openRestDoor(t)
  const rows = [1, 2, 6].map((value, i) => ({ device: 'd', metric: 'm', time: begin + i * 1e6, value }))
  await door.log.put(door.store.sink('readings'), [
    ...rows,
    { device: 'd', metric: 'note', time: begin, value: 'text', quality: 64 },
    { device: 'd', metric: 'm', time: begin + 60e6, value: -1 },
  ])
  const asked = 'avg,min,max,sum,count,first,last,worstQuality'
  const { body } = await door.get(`/api/v1/readings?device=d&${hour}&step=1m&aggregate=${asked}`)
  assert.deepEqual(body, {
    device: 'd',
    asOf: door.asOf,
    step: 60_000,
    buckets: [
      {
        metric: 'm',
        time: beginMs,
        avg: 3,
        min: 1,
        max: 6,
        sum: 9,
        count: 3,
        first: 1,
        last: 6,
        worstQuality: 192,
      },
      {
        metric: 'm',
        time: beginMs + 60_000,
        avg: -1,
        min: -1,
        max: -1,
        sum: -1,
        count: 1,
        first: -1,
        last: -1,
        worstQuality: 192,
      },
      { metric: 'note', time: beginMs, count: 1, worstQuality: 64 },
    ],
  })
  const plain = (await door.get(`/api/v1/readings?device=d&metric=m&${hour}&step=1h&limit=1`)).body
  assert.deepEqual(plain, {
    device: 'd',
    asOf: door.asOf,
    step: 3_600_000,
    buckets: [{ metric: 'm', time: beginMs - 1_800_000, avg: 2 }],
  })
  const cut = (await door.get(`/api/v1/readings?device=d&${hour}&step=1m&limit=2`)).body as {
    buckets: unknown[]
    truncated?: boolean
  }
  assert.deepEqual([cut.buckets.length, cut.truncated], [2, true])
})
