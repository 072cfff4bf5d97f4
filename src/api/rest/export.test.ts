import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import test from 'node:test'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { begin, bind, many, type Refused } from '../../../test/support/rest-rows.ts'

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
