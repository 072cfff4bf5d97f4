import assert from 'node:assert/strict'
import test from 'node:test'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { type Refused } from '../../../test/support/rest-rows.ts'

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
  ['/api/v1/dead-letters?from=now&to=-1h', ['from']],
  ['/api/v1/readings?device=d&aggregate=avg', ['aggregate']],
  ['/api/v1/readings?device=d&step=1m&aggregate=median', ['aggregate']],
  ['/api/v1/readings?device=d&step=1m&aggregate=', ['aggregate']],
  ['/api/v1/readings?device=d&step=1m&order=asc&cursor=WyJtIiwxLCIxIl0', ['cursor', 'order']],
  ['/api/v1/readings?device=d&cursor=WyJtIiwxLCJ4Il0', ['cursor']],
  ['/api/v1/readings?__proto__=1&constructor=2&device=d', ['__proto__', 'constructor']],
  ['/api/v1/export?format=xlsx&from=1&to=0', ['format']],
  ['/api/v1/export?from=1&to=0', ['from']],
  ['/api/v1/dead-letters?code=nonsense&device=&source=&limit=x', ['code', 'device', 'source', 'limit']],
  ['/api/v1/dead-letters?bytes=all', ['bytes']],
  ['/api/v1/dead-letters/1x', ['id']],
  [`/api/v1/devices?prefix=&match=${'x'.repeat(1_001)}`, ['prefix', 'match']],
  ['/api/v1/documents/po$ts', ['stream']],
  ['/api/v1/documents/readings', ['stream']],
  ['/api/v1/documents/dead-letters', ['stream']],
  [`/api/v1/documents/posts?match=${'x'.repeat(1_001)}&key=`, ['match', 'key']],
  ['/api/history', ['topic']],
  ['/api/history?topic=a&limit=5001&from=x', ['limit', 'from']],
]

/** Words of our own, that say what would be right: not what the schema's library says. */
const saidByUs = /^(expected|is |must |needs |there is no|buckets )/

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
      assert.match(message, saidByUs, path)
    }
  }
})

test('a parameter that is missing, or there twice, is told as that, with an example of what it means', async (t) => {
  const door = await openRestDoor(t)
  for (const [path, messages] of [
    ['/api/v1/readings', ['device: is missing: expected the name of a device such as pump1']],
    [
      '/api/v1/readings?device=a&device=b',
      ['device: is given more than once: expected the name of a device such as pump1'],
    ],
    ['/api/history', ['topic: is missing: expected the name of a topic such as dev/pump1/temperature']],
    [
      '/api/v1/readings?device=a&limit=1&limit=2',
      ['limit: is given more than once: expected a whole number from 1 to 100000'],
    ],
  ] as const) {
    const { error } = (await door.get(path)).body as Refused
    assert.deepEqual(error.message.split('; '), messages)
  }
})

test('an edit of another type is told where the right one stands, one too large which setting bounds it', async (t) => {
  const door = await openRestDoor(t)
  for (const [type, body, status, code, said] of [
    ['application/x-ndjson', '{}', 415, 'unsupported-media', '/openapi.json'],
    ['application/json', ' '.repeat(65 * 1024), 413, 'too-large', 'limits.batchBytes'],
  ] as const) {
    const response = await fetch(`${door.url}/api/v1/readings?device=d&from=0&to=1`, {
      method: 'PATCH',
      body,
      headers: { 'content-type': type },
    })
    const { error } = (await response.json()) as Refused
    assert.deepEqual([response.status, error.code], [status, code])
    const told = `${error.message} ${error.hint}`
    assert.ok(told.includes(said), told)
    assert.doesNotMatch(told, /ndjson|payloadBytes/)
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
    for (const { message } of error.details ?? []) assert.match(message, saidByUs, JSON.stringify(body))
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
