import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import test from 'node:test'
import { openRestDoor, type RestDoor } from '../../../test/support/rest-door.ts'
import { SluiceError } from '../../core/errors.ts'
import type { StoreQueries } from './store-queries.ts'

// The routes before a real DuckDB store, which each test fills by hand.

const begin = 1_705_314_600_000_000 // 2024-01-15T10:30:00Z
const beginMs = begin / 1000
const hour = `from=${beginMs}&to=${beginMs + 3_600_000}`

interface Row {
  readonly metric: string
  readonly time: number | string
  readonly value: number | string
  readonly quality: number
}
interface Page {
  readonly device: string
  readonly rows: readonly Row[]
  readonly next?: string
}
interface Refused {
  readonly error: {
    readonly code: string
    readonly message: string
    readonly details: readonly { readonly field: string; readonly message: string }[]
  }
}

const names = [
  'plain',
  'a"b',
  'back\\slash',
  'ünï/cødé',
  '😀',
  '__proto__',
  'constructor',
  "';--",
  ' sp ace ',
  '%_*',
  '\u2028',
  'new\nline',
]

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
  assert.deepEqual(none, { latest: [] })
  assert.deepEqual((await door.get('/api/v1/devices?prefix=x')).body, { devices: [] })
  assert.deepEqual((await door.get('/api/v1/series?device=x')).body, { series: [] })
  assert.deepEqual((await door.get(`/api/v1/readings?device=x&${hour}`)).body, { device: 'x', rows: [] })
  assert.deepEqual((await door.get(`/api/v1/readings?device=x&${hour}&step=1s`)).body, {
    device: 'x',
    step: 1000,
    buckets: [],
  })
})

test('buckets hold what was asked of them, and leave out what they have no number for', async (t) => {
  const door = await openRestDoor(t)
  const rows = [1, 2, 6].map((value, i) => ({ device: 'd', metric: 'm', time: begin + i * 1e6, value }))
  await door.log.put(door.store.sink('readings'), [
    ...rows,
    { device: 'd', metric: 'note', time: begin, value: 'text' },
    { device: 'd', metric: 'm', time: begin + 60e6, value: -1 },
  ])
  const asked = 'avg,min,max,sum,count,first,last'
  const { body } = await door.get(`/api/v1/readings?device=d&${hour}&step=1m&aggregate=${asked}`)
  assert.deepEqual(body, {
    device: 'd',
    step: 60_000,
    buckets: [
      { metric: 'm', time: beginMs, avg: 3, min: 1, max: 6, sum: 9, count: 3, first: 1, last: 6 },
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
      },
      { metric: 'note', time: beginMs, count: 1 },
    ],
  })
  const plain = (await door.get(`/api/v1/readings?device=d&metric=m&${hour}&step=1h&limit=1`)).body
  assert.deepEqual(plain, {
    device: 'd',
    step: 3_600_000,
    buckets: [{ metric: 'm', time: beginMs - 1_800_000, avg: 2 }],
  })
  const cut = (await door.get(`/api/v1/readings?device=d&${hour}&step=1m&limit=2`)).body as {
    buckets: unknown[]
    truncated?: boolean
  }
  assert.deepEqual([cut.buckets.length, cut.truncated], [2, true])
})

const badQueries: readonly [path: string, fields: readonly string[]][] = [
  ['/api/v1/devices?prefix=&limit=0&cursor=x&time=s&foo=1', ['prefix', 'limit', 'cursor', 'time', 'foo']],
  ['/api/v1/devices?limit=100001', ['limit']],
  ['/api/v1/devices?limit=-1', ['limit']],
  ['/api/v1/devices?limit=1.5', ['limit']],
  ['/api/v1/devices?limit=1e3', ['limit']],
  ['/api/v1/devices?limit=', ['limit']],
  ['/api/v1/devices?limit=1&limit=2', ['limit']],
  ['/api/v1/devices?cursor=WzFd', ['cursor']],
  ['/api/v1/devices?prefix=a%00b', ['prefix']],
  ['/api/v1/series?device=&cursor=WyJhIl0', ['device', 'cursor']],
  ['/api/v1/latest?cursor=x', ['cursor']],
  ['/api/v1/readings', ['device']],
  ['/api/v1/readings?device=a&device=b', ['device']],
  [
    '/api/v1/readings?device=d&from=x&to=y&step=0&aggregate=avg,avg&order=up&time=no&cursor=!',
    ['from', 'to', 'step', 'aggregate', 'order', 'time', 'cursor'],
  ],
  ['/api/v1/readings?device=d&from=now&to=-1h', ['from']],
  ['/api/v1/readings?device=d&from=5&to=5', ['from']],
  ['/api/v1/readings?device=d&aggregate=avg', ['aggregate']],
  ['/api/v1/readings?device=d&step=1m&aggregate=median', ['aggregate']],
  ['/api/v1/readings?device=d&step=1m&aggregate=', ['aggregate']],
  ['/api/v1/readings?device=d&step=1m&order=asc&cursor=WyJtIiwxLCIxIl0', ['cursor', 'order']],
  ['/api/v1/readings?device=d&cursor=WyJtIiwxLCJ4Il0', ['cursor']],
  ['/api/v1/readings?__proto__=1&constructor=2&device=d', ['__proto__', 'constructor']],
  ['/api/v1/export?format=xlsx&from=1&to=0', ['format']],
  ['/api/v1/export?from=1&to=0', ['from']],
  ['/api/v1/dead-letters?code=nonsense&device=&source=&limit=x', ['code', 'device', 'source', 'limit']],
  ['/api/v1/documents/po$ts', ['stream']],
  ['/api/v1/documents/readings', ['stream']],
  ['/api/v1/documents/dead-letters', ['stream']],
  [`/api/v1/documents/posts?match=${'x'.repeat(1_001)}&key=`, ['match', 'key']],
  ['/api/history', ['topic']],
  ['/api/history?topic=a&limit=5001&from=x', ['limit', 'from']],
]

test('bad parameters are one 400 that names each', async (t) => {
  const door = await openRestDoor(t)
  for (const [path, fields] of badQueries) {
    const { status, body } = await door.get(path)
    const { error } = body as Refused
    assert.equal(status, 400, path)
    assert.equal(error.code, 'bad-request', path)
    assert.deepEqual(error.details.map(({ field }) => field).sort(), fields.toSorted(), path)
    for (const { field, message } of error.details) {
      assert.ok(error.message.includes(field), path)
      assert.ok(message.length > 5, path)
    }
  }
})

test('bad edits are refused whole, naming each fault, and change nothing', async (t) => {
  const door = await openRestDoor(t)
  const send = async (method: string, query: string, body?: unknown): Promise<[number, string[]]> => {
    const response = await fetch(`${door.url}/api/v1/readings?${query}`, {
      method,
      ...(body === undefined
        ? {}
        : {
            body: typeof body === 'string' ? body : JSON.stringify(body),
            headers: { 'content-type': 'application/json' },
          }),
    })
    const { error } = (await response.json()) as Refused
    return [response.status, (error.details ?? []).map(({ field }) => field).sort()]
  }
  const range = 'device=d&from=0&to=1'
  assert.deepEqual(await send('DELETE', ''), [400, ['device', 'from', 'to']])
  assert.deepEqual(await send('DELETE', 'device=d&from=1&to=1'), [400, ['from']])
  assert.deepEqual(await send('DELETE', `${range}&all=1`), [400, ['all']])
  for (const [body, field] of [
    [{}, 'body'],
    [{ value: null }, 'value'],
    [{ value: true }, 'value'],
    [{ value: 'x\0' }, 'value'],
    [{ value: '\ud800' }, 'value'],
    [{ value: 'x'.repeat(5_000) }, 'value'],
    [{ quality: 256 }, 'quality'],
    [{ quality: 1.5 }, 'quality'],
    [{ quality: 1, unit: 'V' }, 'unit'],
    [[], 'body'],
    ['7', 'body'],
  ] as const)
    assert.deepEqual(await send('PATCH', range, body), [400, [field]], JSON.stringify(body))
  for (const body of ['', '{', '{"value":1e999}', '{"__proto__":{"value":1}}']) {
    const [status] = await send('PATCH', range, body)
    assert.equal(status, 400, body)
  }
  assert.equal((await send('PATCH', range))[0], 400)
  const text = await fetch(`${door.url}/api/v1/readings?${range}`, { method: 'PATCH', body: 'value=1' })
  assert.equal(text.status, 415)
})

test('an answer never holds more than its reader takes, and the query ends with its reader', async (t) => {
  let pulled = 0
  const aborted = Promise.withResolvers<void>()
  const door = await openRestDoor(t, (store) =>
    bind(store, {
      async *range(query, signal) {
        signal.addEventListener('abort', () => aborted.resolve())
        for await (const rows of store.range(query, signal)) {
          for (let at = 0; at < rows.length; at += 100) {
            pulled++
            yield {
              ...rows,
              length: Math.min(100, rows.length - at),
              metric: rows.metric.slice(at, at + 100),
              time: rows.time.subarray(at, at + 100),
              value: rows.value.subarray(at, at + 100),
              quality: rows.quality.subarray(at, at + 100),
              seq: rows.seq.subarray(at, at + 100),
              text: undefined,
            }
          }
        }
      },
    }),
  )
  await door.log.put(door.store.sink('readings'), many(100_000))
  const request = http.get(`${door.url}/api/v1/readings?device=d&${hour}&limit=100000`)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage] // what node:http documents
  response.pause()
  // Whatever fits in buffers between here and there is taken; then nothing more.
  let before: number
  do {
    before = pulled
    for (let i = 0; i < 200; i++) await nextTurn()
  } while (pulled !== before)
  assert.ok(pulled < 900, `${pulled} of 1000 pieces were pulled for a reader that reads nothing`)
  request.destroy()
  await aborted.promise
})

test('a hundred thousand rows never hold the event loop for long', async (t) => {
  const door = await openRestDoor(t)
  await door.log.put(door.store.sink('readings'), many(100_000))
  // Compiled once, as a server is that has run for a while.
  await page(door, `device=d&${hour}&limit=100000`)
  let turns = 0
  let isDone = false
  const counting = (async () => {
    while (!isDone) {
      await nextTurn()
      turns++
    }
  })()
  const { rows } = await page(door, `device=d&${hour}&limit=100000`)
  isDone = true
  await counting
  assert.equal(rows.length, 100_000)
  assert.ok(turns >= 100, `the loop turned ${turns} times during 100 pieces`)
})

test('a query that fails after its answer began cuts the connection, so that no part is taken for the whole', async (t) => {
  const door = await openRestDoor(t, (store) =>
    bind(store, {
      async *range(query, signal) {
        yield* store.range({ ...query, limit: 5_000 }, signal)
        throw new SluiceError('store-down', 'the store went away')
      },
    }),
  )
  await door.log.put(door.store.sink('readings'), many(6_000))
  const response = await fetch(`${door.url}/api/v1/readings?device=d&${hour}&limit=6000`)
  assert.equal(response.status, 200)
  await assert.rejects(response.text())
})

test('a store that is down is a 503 that says when to come again', async (t) => {
  const down = () => Promise.reject(new SluiceError('store-down', 'the store is not open yet'))
  const door = await openRestDoor(t, (store) =>
    bind(store, {
      devices: down,
      async *buckets() {
        yield await down()
      },
    }),
  )
  for (const path of ['/api/v1/devices', '/api/v1/readings?device=d&step=1m']) {
    const { status, body, headers } = await door.get(path)
    assert.deepEqual(
      [status, (body as Refused).error.code, headers.get('retry-after')],
      [503, 'store-down', '1'],
    )
  }
})

test('dead letters are found by device, source and code, page by page, whatever their bytes', async (t) => {
  const door = await openRestDoor(t)
  const letter = (i: number) => ({
    code: i % 3 === 0 ? 'invalid-time' : 'undecodable',
    reason: `reason ${i}`,
    source: i % 2 === 0 ? 'mqtt' : 'main',
    device: names[i % names.length],
    topic: 'dev/x',
    principal: 'local',
    bytes: (i % 5 === 0 ? Buffer.from([0xff, 0xfe, i]) : Buffer.from(`{"v":${i}} ✓`)).toString('base64'),
  })
  const rows = Array.from({ length: 120 }, (_, i) => ({
    key: i % 2 === 0 ? '' : `main/x/${i}`,
    time: begin + i,
    body: JSON.stringify(letter(i)),
  }))
  await door.store
    .sink('dead-letters')
    .write(door.log.write(door.log.documents('dead-letters', rows)), new AbortController().signal)
  interface Letters {
    readonly letters: readonly (ReturnType<typeof letter> & { id: string; time: number; text?: string })[]
    readonly next?: string
  }
  const read = async (query: string): Promise<Letters> =>
    (await door.get(`/api/v1/dead-letters?${query}`)).body as Letters
  const all = await read('')
  assert.equal(all.letters.length, 120)
  assert.deepEqual(
    all.letters.map(({ id, time, text, ...rest }) => rest),
    rows.map((_, i) => letter(i)).toReversed(),
  )
  assert.deepEqual(all.letters[1], {
    ...letter(118),
    id: '118',
    time: (begin + 118) / 1000,
    text: '{"v":118} ✓',
  })
  assert.equal(all.letters.find(({ reason }) => reason === 'reason 5')?.text, undefined)

  for (const [name, i] of names.map((name, i) => [name, i] as const)) {
    const found: string[] = []
    let cursor = ''
    do {
      const part = await read(`device=${encodeURIComponent(name)}&limit=3${cursor}`)
      found.push(...part.letters.map(({ id }) => id))
      cursor = part.next === undefined ? '' : `&cursor=${part.next}`
    } while (cursor !== '')
    const expected = rows
      .map((_, row) => row)
      .filter((row) => row % names.length === i)
      .map(String)
      .toReversed()
    assert.deepEqual(found, expected, name)
  }
  assert.equal((await read('source=main')).letters.length, 60)
  assert.equal((await read('code=invalid-time&source=mqtt')).letters.length, 20)
  assert.equal((await read(`from=${(begin + 100) / 1000}`)).letters.length, 20)
})

test('documents come back newest first, as JSON where they are', async (t) => {
  const door = await openRestDoor(t)
  const bodies = [
    '{"text":"Hello World"}',
    'no json',
    '[1,2]',
    '"\\ud83d\\ude00"',
    JSON.stringify({ large: 'x'.repeat(300_000) }),
  ]
  const rows = Array.from({ length: 50 }, (_, i) => ({
    key: `k${i % 2}`,
    time: begin + i,
    body: bodies[i % bodies.length] as string,
  }))
  await door.store
    .sink('posts')
    .write(door.log.write(door.log.documents('posts', rows)), new AbortController().signal)
  interface Answer {
    readonly documents: readonly { key: string; time: number; body: unknown }[]
    readonly next?: string
  }
  const read = async (query: string): Promise<Answer> =>
    (await door.get(`/api/v1/documents/posts?${query}`)).body as Answer
  const expected = rows.toReversed().map(({ key, time, body }) => ({
    key,
    time: time / 1000,
    body: body === 'no json' ? body : (JSON.parse(body) as unknown),
  }))
  assert.deepEqual((await read('')).documents, expected)
  const first = await read('limit=20')
  const second = await read(`limit=100&cursor=${first.next}`)
  assert.deepEqual([...first.documents, ...second.documents], expected)
  assert.equal(second.next, undefined)
  assert.equal((await read('match=hello%20world')).documents.length, 10)
  assert.equal((await read('key=k1')).documents.length, 25)
  assert.deepEqual(await read('key=none'), { documents: [] })
})

test('an export is a file with every row of its range, and leaves nothing behind', async (t) => {
  const door = await openRestDoor(t)
  await door.log.put(door.store.sink('readings'), [
    ...many(3),
    { device: 'o,"ther', metric: 'note', time: begin, value: 'two\nlines, "quoted"' },
  ])
  const csv = await fetch(`${door.url}/api/v1/export`)
  assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8; header=present')
  assert.equal(
    csv.headers.get('content-disposition'),
    `attachment; filename="readings.csv"; filename*=UTF-8''readings.csv`,
  )
  const text = await csv.text()
  assert.equal(Number(csv.headers.get('content-length')), Buffer.byteLength(text))
  assert.ok(text.includes('"two\nlines, ""quoted"""'), text)
  assert.equal(text.split('\n').filter((line) => line.startsWith('d,m,')).length, 3)

  const one = await fetch(
    `${door.url}/api/v1/export?device=${encodeURIComponent('o,"ther')}&metric=note&format=parquet`,
  )
  assert.match(
    one.headers.get('content-disposition') ?? '',
    /filename="o__ther-note\.parquet"; filename\*=UTF-8''o%2C%22ther-note\.parquet/,
  )
  const bytes = Buffer.from(await one.arrayBuffer())
  assert.equal(bytes.subarray(0, 4).toString(), 'PAR1')
  assert.equal(bytes.subarray(-4).toString(), 'PAR1')

  const none = await fetch(`${door.url}/api/v1/export?device=nobody`)
  assert.deepEqual([none.status, (await none.text()).trim().split('\n').length], [200, 1])
  assert.deepEqual(fs.readdirSync(door.exports), [])
})

test('two exports run at once, a third is told to come again; one whose reader leaves ends', async (t) => {
  const gate = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  const aborted = Promise.withResolvers<void>()
  let running = 0
  const door = await openRestDoor(t, (store) =>
    bind(store, {
      async export(query, format, path, signal) {
        signal.addEventListener('abort', () => aborted.resolve())
        if (++running === 2) started.resolve()
        await Promise.race([gate.promise, once(signal, 'abort')])
        return store.export(query, format, path, signal)
      },
    }),
  )
  await door.log.put(door.store.sink('readings'), many(10))
  const leaving = new AbortController()
  const first = fetch(`${door.url}/api/v1/export`)
  const second = fetch(`${door.url}/api/v1/export`, { signal: leaving.signal })
  await started.promise
  const third = await door.get('/api/v1/export')
  assert.deepEqual([third.status, third.headers.get('retry-after')], [503, '1'])
  leaving.abort()
  await assert.rejects(second)
  await aborted.promise
  gate.resolve()
  const file = await first
  assert.equal((await file.text()).trim().split('\n').length, 11)
  assert.equal((await fetch(`${door.url}/api/v1/export`)).status, 200)
})

test('an export stops before it takes the disk space that the log needs', async (t) => {
  const door = await openRestDoor(t, (store) => store, { minFreeBytes: Number.MAX_SAFE_INTEGER })
  const { status, body } = await door.get('/api/v1/export')
  assert.deepEqual([status, (body as Refused).error.code], [503, 'disk-full'])
  assert.deepEqual(fs.readdirSync(door.exports), [])
})

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

test('the OpenAPI document names every route with its parameters, and the page has its assets here', async (t) => {
  const door = await openRestDoor(t)
  const { body } = await door.get('/openapi.json')
  const { paths } = body as {
    paths: Record<
      string,
      Record<string, { parameters?: { name: string; in: string }[]; responses: object; summary: string }>
    >
  }
  assert.deepEqual(Object.keys(paths).sort(), [
    '/api/history',
    '/api/v1/dead-letters',
    '/api/v1/devices',
    '/api/v1/documents/{stream}',
    '/api/v1/export',
    '/api/v1/latest',
    '/api/v1/readings',
    '/api/v1/series',
  ])
  assert.deepEqual(Object.keys(paths['/api/v1/readings'] ?? {}).sort(), ['delete', 'get', 'patch'])
  const parameters = paths['/api/v1/readings']?.['get']?.parameters ?? []
  assert.deepEqual(parameters.map(({ name }) => name).sort(), [
    'aggregate',
    'cursor',
    'device',
    'from',
    'limit',
    'metric',
    'order',
    'step',
    'time',
    'to',
  ])
  for (const routes of Object.values(paths))
    for (const route of Object.values(routes)) {
      assert.ok(route.summary)
      assert.ok('400' in route.responses && '200' in route.responses)
    }

  const docs = await door.get('/docs')
  assert.equal(docs.status, 200)
  const links = [...String(docs.body).matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '')
  assert.ok(links.length >= 4)
  for (const link of links) {
    assert.ok(!/^(https?:)?\/\//.test(link), `${link} is elsewhere`)
    assert.equal((await door.get(new URL(link, `${door.url}/docs/`).pathname)).status, 200, link)
  }
  const moved = await fetch(`${door.url}/swagger/index.html`, { redirect: 'manual' })
  assert.deepEqual([moved.status, moved.headers.get('location')], [302, '/docs'])
})

async function page(door: RestDoor, query: string): Promise<Page> {
  const { status, body } = await door.get(`/api/v1/readings?${query}`)
  assert.equal(status, 200, JSON.stringify(body))
  return body as Page
}

function many(count: number) {
  return Array.from({ length: count }, (_, i) => ({
    device: 'd',
    metric: 'm',
    time: begin + i * 10_000,
    value: i * 1.25,
  }))
}

/** The store with some of its answers replaced: faults that a sound store does not have. */
function bind(store: StoreQueries, changed: Partial<StoreQueries>): StoreQueries {
  return {
    range: (...asked) => store.range(...asked),
    buckets: (...asked) => store.buckets(...asked),
    latest: (...asked) => store.latest(...asked),
    devices: (...asked) => store.devices(...asked),
    series: (...asked) => store.series(...asked),
    documents: (...asked) => store.documents(...asked),
    count: (...asked) => store.count(...asked),
    passed: (...asked) => store.passed(...asked),
    export: (...asked) => store.export(...asked),
    ...changed,
  }
}
