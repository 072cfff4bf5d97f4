import assert from 'node:assert/strict'
import test, { type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { Reading } from '../../../proto/generated/sluice/v1/reading.ts'
import { openRestDoor, type RestDoorOptions } from '../../../test/support/rest-door.ts'
import type { Refused } from '../../../test/support/rest-rows.ts'
import { localAuthorizer } from '../../auth/local-authorizer.ts'
import type { Authorizer } from '../../core/authorizer.ts'
import { letterReplaysStream } from '../../core/letter-replay.ts'
import { heldLetters } from './held-letters.ts'

/** A row that the store main has refused, of the log that the test is of. */
const refused = (log: string, row: object, number = 7) => ({
  ...{ device: 'd', source: 'main', key: `main/${log}/${number}`, code: 'invalid-value', reason: 'no' },
  bytes: Buffer.from(JSON.stringify(row)).toString('base64'),
})

/** Letters as the store has them; their numbers are 0, 1, 2 … */
const stored = [
  { device: 'a', topic: 'dev/a/m', text: 'tru', principal: 'ann' },
  { device: 'b', topic: 'dev/b/m', text: '{"v":1}', source: 'main', key: 'main/11111111-0000/7' },
  { device: 'c', text: '{"id":', source: 'plant', offset: 'orders[0]@7' },
  { topic: 'plain/topic', text: '1' },
  { device: 'e', topic: 'dev/e/m', text: 'x', format: 'image/png' },
  { device: 'f', topic: 'dev/f/m', text: '{', format: 'protobuf' },
  { device: 'b', text: '{"v":1}', source: 'gone', key: 'gone/11111111-0000/7' },
  { topic: `dev/${'x'.repeat(250)}…`, text: '1' },
]

/** Everybody has the rights of this machine. */
const trusting: Authorizer = {
  ...localAuthorizer,
  named: () => localAuthorizer.anonymous('127.0.0.1', false),
}

async function doorWithLetters(t: TestContext, options: RestDoorOptions = {}) {
  const door = await openRestDoor(t, undefined, {
    passed: () => Promise.resolve(),
    authorizer: trusting,
    ...options,
  })
  const rows = stored.map(({ text, ...letter }, i) => ({
    key: '',
    time: 1e15 + i,
    body: JSON.stringify({
      code: 'undecodable',
      reason: 'no',
      source: 'mqtt',
      ...letter,
      bytes: Buffer.from(text).toString('base64'),
    }),
  }))
  const write = door.log.write(door.log.documents('dead-letters', rows))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const ask = async (method: string, path: string, body?: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) }
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${door.url}/api/v1/dead-letters${path}`, { method, headers, ...init })
    return { status: answer.status, body: (await answer.json()) as Refused & Record<string, unknown> } // each test looks at its members
  }
  return { door, ask }
}

const bad: readonly [
  method: string,
  path: string,
  body: unknown,
  status: number,
  fields: readonly string[],
][] = [
  ['POST', '/1x/replay', undefined, 400, ['id']],
  ['POST', '/99/replay', undefined, 404, []],
  ['POST', '/0/replay', [], 400, ['body']],
  ['POST', '/0/replay', { text: 1, topic: '', foo: 1 }, 400, ['text', 'topic', 'foo']],
  ['POST', '/0/replay', { text: '1', bytes: 'MQ==' }, 400, ['body']],
  ['POST', '/0/replay', { bytes: '!' }, 400, ['bytes']],
  ['POST', '/0/replay', { text: '\ud800' }, 400, ['text']],
  ['POST', '/0/replay', { topic: 'dev/#' }, 400, ['topic']],
  ['POST', '/0/replay', { topic: `dev/${'x'.repeat(2_000)}/m` }, 400, ['topic']],
  ['POST', '/0/replay', { topic: 'nowhere' }, 400, ['topic']],
  ['POST', '/0/replay', { text: '[]' }, 400, ['text']],
  ['POST', '/1/replay', { topic: 'dev/a/m' }, 400, ['topic']],
  ['POST', '/7/replay', undefined, 400, ['topic']],
  ['POST', '/1/replay', undefined, 400, []], // of another log
  ['POST', '/2/replay', { text: '{"v":{}}' }, 400, ['v']],
  ['POST', '/3/replay', undefined, 400, ['topic']],
  ['POST', '/4/replay', undefined, 400, []], // nobody reads a picture
  ['POST', '/replay', undefined, 400, ['to']],
  ['POST', '/replay?limit=5', undefined, 400, ['to']],
  ['POST', '/replay?limit=0&cursor=x&code=y&foo=1', undefined, 400, ['limit', 'cursor', 'code', 'foo']],
  ['POST', '/replay?from=5&to=5', undefined, 400, ['from']],
  ['GET', '/export?time=s&limit=5&device=', undefined, 400, ['time', 'limit', 'device']],
  ['DELETE', '/1x', undefined, 400, ['id']],
  ['DELETE', '/99', undefined, 404, []],
]

test('what is wrong with a request is told by its field, and nothing becomes of it', async (t) => {
  const { door, ask } = await doorWithLetters(t)
  for (const [method, path, body, status, fields] of bad) {
    const what = `${method} ${path} ${JSON.stringify(body)}`
    const answer = await ask(method, path, body)
    assert.equal(answer.status, status, `${what}: ${JSON.stringify(answer.body)}`)
    const { details, message } = answer.body.error as Partial<Refused['error']>
    assert.deepEqual(
      (details ?? []).map(({ field }) => field).sort(),
      fields.toSorted(),
      `${what}: ${message}`,
    )
    assert.doesNotMatch(message ?? '', /Invalid|Unrecognized/, 'no text of the library')
    if (path.includes('code=')) assert.match(message ?? '', /code: expected one of undecodable, .*, got "y"/)
  }
  assert.deepEqual([door.intake.books.rowsReceived, door.intake.books.messagesReceived], [0, 0])
})

test('letters are tried oldest first, as many as are asked for, and those that fail are told', async (t) => {
  const { ask } = await doorWithLetters(t)
  const first = await ask('POST', '/replay?to=now&limit=2')
  assert.equal(first.status, 200)
  const { replayed, failed, failures, next } = first.body
  assert.deepEqual([replayed, failed], [0, 2])
  assert.deepEqual(
    (failures as { id: string; code: string }[]).map(({ id, code }) => [id, code]),
    [
      ['0', 'undecodable'],
      ['1', 'bad-request'],
    ],
  )
  const rest = await ask('POST', `/replay?to=now&limit=6&cursor=${String(next)}`)
  assert.deepEqual([rest.body['failed'], rest.body['next']], [6, undefined])
  assert.equal((await ask('POST', '/replay?to=now&code=not-allowed')).body['failed'], 0)
})

test('what a letter becomes and the record that takes it away are one commit, in the form that it came in', async (t) => {
  const { door, ask } = await doorWithLetters(t)
  await door.intake.durable()
  const commits = door.commits()
  const reading: Reading = {
    ...{ device: '', metric: '', time: undefined, quality: undefined, unit: '', values: [] },
    value: { $case: 'number', number: 4.5 },
  }
  const binary = { bytes: Buffer.from(Reading.encode(reading).finish()).toString('base64') }
  const outcomes = [
    await ask('POST', '/0/replay', { text: 'true' }),
    await ask('POST', '/2/replay', { text: '[{"device":"x","a":1,"b":2}]' }),
    await ask('POST', '/5/replay', binary),
    await ask('POST', '/5/replay', { text: '5' }),
  ]
  assert.deepEqual(
    outcomes.map(({ status, body }) => [status, body['rows']]),
    [
      [200, 1],
      [200, 2],
      [200, 1],
      [200, 1], // nothing feeds this store: the letter stands there still
    ],
  )
  assert.equal(door.commits(), commits + outcomes.length)
  assert.equal(door.intake.books.rowsAccepted, 5)
})

test('an export has every letter with its bytes, oldest first', async (t) => {
  const { door } = await doorWithLetters(t)
  const answer = await fetch(`${door.url}/api/v1/dead-letters/export?time=rfc3339`)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/x-ndjson/)
  const lines = (await answer.text()).trimEnd().split('\n')
  const letters = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(
    letters.map(({ id, text, offset, format }) => ({ id, text, offset, format })),
    stored.map(({ text, offset, format }, i) => ({ id: String(i), text, offset, format })),
  )
  const some = await fetch(`${door.url}/api/v1/dead-letters/export?source=plant`)
  assert.equal((await some.text()).split('\n').length, 2)
})

test('a replay needs the right of who replays, and that of who sent it', async (t) => {
  const { body: unknown } = await (await doorWithLetters(t, { authorizer: localAuthorizer })).ask(
    'POST',
    '/0/replay',
    { text: 'true' },
  )
  assert.match(unknown.error.message, /ann may not publish there/)
  const asked: string[] = []
  const denied = new Set<string>()
  const authorizer: Authorizer = {
    ...localAuthorizer,
    named: (name) => ({ kind: 'device', name, roles: [] }),
    decide: ({ name }, door, action, resource) => {
      const what = `${name} ${door} ${action} ${resource}`
      asked.push(what)
      return denied.has(what) ? { allowed: false, reason: 'no' } : { allowed: true }
    },
  }
  const { ask } = await doorWithLetters(t, { authorizer })
  const sender = 'ann mqtt publish dev/a/m'
  const caller = 'local http replay dev/a/m'
  const writer = 'local http publish dev/a/m'
  for (const right of [sender, caller, writer]) {
    denied.clear()
    denied.add(right)
    const { status, body } = await ask('POST', '/0/replay', { text: 'true' })
    assert.deepEqual([status, body.error.code], [403, 'not-allowed'], right)
  }
  denied.clear()
  asked.length = 0
  assert.equal((await ask('POST', '/0/replay', { text: 'true' })).status, 200)
  assert.deepEqual(asked, ['local http replay *', caller, writer, sender])
  asked.length = 0
  assert.equal((await ask('POST', '/0/replay')).status, 400)
  assert.deepEqual(
    asked,
    ['local http replay *', caller, sender],
    'as it was sent: not the words of the caller',
  )
})

test('a row that a store refused is asked for where the letter only shows it, and stays in its stream', async (t) => {
  const { door, ask } = await doorWithLetters(t)
  const { log } = (await door.intake.durable()).position
  const row = { device_id: 'd', tag_id: 'm', v: 1, q: 192, ts: 5 }
  const post = { stream: 'posts', key: 'k', time: 5, body: '{}' }
  const letters = [{ ...row, v: 'Infinity' }, { ...post, body: 'a\ufffd' }, row].map((one, i) =>
    refused(log, one, i),
  )
  const rows = letters.map((letter, i) => ({ key: letter.key, time: 2e15 + i, body: JSON.stringify(letter) }))
  const write = door.log.write(door.log.documents('dead-letters', rows))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const first = stored.length
  for (const [id, text, field] of [
    [first, undefined, 'v'],
    [first, { ...row, v: undefined }, 'v'],
    [first, { ...row, q: 256 }, 'q'],
    [first, { ...row, ts: 1e300 }, 'ts'],
    [first, { ...row, foo: 1 }, 'text'],
    [first, post, 'stream'],
    [first + 1, undefined, 'text'],
    [first + 1, { ...post, stream: 'dead-letters' }, 'stream'],
    [first + 1, row, 'stream'],
  ] as const) {
    const body = text === undefined ? undefined : { text: JSON.stringify(text) }
    const answer = await ask('POST', `/${id}/replay`, body)
    const said = JSON.stringify([id, text, answer.body])
    assert.equal(answer.status, 400, said)
    assert.deepEqual(
      answer.body.error.details.map((detail) => detail.field),
      [field],
      said,
    )
  }
  assert.equal((await ask('POST', `/${first}/replay`, { text: JSON.stringify(row) })).status, 200)
  assert.equal((await ask('POST', `/${first + 1}/replay`, { text: JSON.stringify(post) })).status, 200)
  assert.equal((await ask('POST', `/${first + 2}/replay`)).status, 200)
  assert.equal(door.intake.books.rowsReceived, 0, 'no row of a door')
})

test('a letter that a defect keeps from being read leaves nothing behind, and the others are replayed', async (t) => {
  const fixed = { ...trusting, decide: trusting.decide }
  const { door, ask } = await doorWithLetters(t, { authorizer: fixed })
  const rows = ['{"v":1}', '{"v":2}', '{"v":3}'].map((text, i) => ({
    key: 'z',
    time: 3e15 + i,
    body: JSON.stringify({
      ...{ code: 'undecodable', reason: 'no', source: 'mqtt', device: 'z', topic: `dev/z/m${i}` },
      bytes: Buffer.from(text).toString('base64'),
    }),
  }))
  const write = door.log.write(door.log.documents('dead-letters', rows))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  fixed.decide = (principal, from, action, resource) => {
    if (resource === 'dev/z/m1') throw new TypeError('a defect')
    return trusting.decide(principal, from, action, resource)
  }
  const { body } = await ask('POST', '/replay?device=z')
  assert.deepEqual([body['replayed'], body['failed'], body['rows']], [2, 1, 2])
  assert.equal(door.intake.books.rowsAccepted, 2)
})

test('the letter of a row that its sink has not gone past yet stays: it would be put again', async (t) => {
  const known = { readings: 8n, posts: 20n }
  const asked: string[] = []
  const { door, ask } = await doorWithLetters(t, {
    sinkPassed(stream, { next }, signal) {
      asked.push(`${stream} ${next}`)
      if (stream === letterReplaysStream || next <= known[stream as keyof typeof known])
        return Promise.resolve()
      return new Promise((_resolve, reject) => {
        if (signal.aborted) reject(signal.reason)
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
  })
  const { position } = await door.intake.durable()
  const reading = { device_id: 'd', tag_id: 'm', v: 1, q: 192, ts: 5 }
  const post = { stream: 'posts', key: '', time: 5, body: '{}' }
  const letters = [
    refused(position.log, reading, 7),
    refused(position.log, reading, 8),
    refused(position.log, post, 9),
    refused(position.log, reading, 6),
  ].map((letter) => ({ key: letter.key, time: 2e15, body: JSON.stringify({ ...letter, device: 'z' }) }))
  const write = door.log.write(door.log.documents('dead-letters', letters))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const first = stored.length

  const early = await ask('POST', `/${first + 1}/replay`)
  assert.deepEqual([early.status, early.body.error.code], [503, 'busy'])
  assert.deepEqual(asked, ['readings 9'])
  const commits = door.commits()
  const { body } = await ask('POST', '/replay?device=z')
  assert.deepEqual([body['replayed'], body['rows'], body['failed']], [3, 3, 1])
  assert.deepEqual(
    (body['failures'] as { id: string; code: string }[]).map(({ id, code }) => [id, code]),
    [[String(first + 1), 'busy']],
  )
  assert.equal(door.commits(), commits + 1)
  known.readings = 9n
  assert.equal((await ask('POST', `/${first + 1}/replay`)).status, 200)
})

test('the answer waits for the sink whose letter it was, and holds up nobody else', async (t) => {
  const asked: [stream: string, isBehind: boolean][] = []
  const arrival = Promise.withResolvers<void>()
  const before = { next: 0n }
  const { door, ask } = await doorWithLetters(t, {
    sinkPassed(stream, { next }) {
      if (stream !== letterReplaysStream) return Promise.resolve()
      asked.push([stream, next > before.next])
      return arrival.promise
    },
  })
  const { position } = await door.intake.durable()
  before.next = position.next
  const letter = refused(position.log, { device_id: 'd', tag_id: 'm', v: 1, q: 192, ts: 5 })
  const row = { key: letter.key, time: 2e15, body: JSON.stringify(letter) }
  const write = door.log.write(door.log.documents('dead-letters', [row]))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  let isAnswered = false
  const answer = ask('POST', `/${stored.length}/replay`).then((given) => {
    isAnswered = true
    return given
  })
  while (asked.length === 0) await setImmediate()
  assert.equal((await ask('POST', '/0/replay', { text: 'true' })).body['applied'], true)
  assert.ok(!isAnswered)
  arrival.resolve()
  const { status, body } = await answer
  assert.deepEqual([status, body['rows'], body['applied']], [200, 1, true])
  assert.deepEqual(asked, [['letter-replays', true]])
})

test('the letter of a sink that only writes stays, and its replay says what to do instead', async (t) => {
  const { door, ask } = await doorWithLetters(t)
  const { log } = (await door.intake.durable()).position
  const row = { device_id: 'd', tag_id: 'm', v: 1, q: 192, ts: 5 }
  const letter = { ...refused(log, row), source: 'lines', key: `lines/${log}/7` }
  const rows = [{ key: letter.key, time: 2e15, body: JSON.stringify(letter) }]
  const write = door.log.write(door.log.documents('dead-letters', rows))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const { status, body } = await ask('POST', `/${stored.length}/replay`)
  assert.deepEqual([status, body.error.code], [400, 'bad-request'])
  assert.match(body.error.message, /"sluice replay --sink lines --from TIME/)
  assert.equal((await ask('GET', `/${stored.length}`)).status, 200)
})

test('a replayed row of a sink gives its room back to its device', async (t) => {
  const { door, ask } = await doorWithLetters(t, { maxBytesPerDevice: 700 })
  const { log } = (await door.intake.durable()).position
  const row = { device_id: 'd', tag_id: 'm', v: 1, q: 192, ts: 5 }
  const letters = [7, 8].map((number) => refused(log, row, number))
  const rows = letters.map((letter, i) => ({ key: letter.key, time: 2e15 + i, body: JSON.stringify(letter) }))
  const write = door.log.write(door.log.documents('dead-letters', rows))
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const { intake, store } = door
  await heldLetters({ intake, store, passed: () => Promise.resolve() }, AbortSignal.timeout(10_000))
  const reject = () =>
    intake.reject({
      code: 'undecodable',
      reason: 'no',
      source: 'mqtt',
      device: 'd',
      bytes: Buffer.alloc(200),
    })
  assert.throws(reject, /maxBytesPerDevice/)
  assert.equal((await ask('POST', `/${stored.length}/replay`)).status, 200)
  reject()
})
