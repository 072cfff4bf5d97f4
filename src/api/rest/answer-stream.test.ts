import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import test from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { bind, hour, many, page, type Refused } from '../../../test/support/rest-rows.ts'
import { SluiceError } from '../../core/errors.ts'

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
