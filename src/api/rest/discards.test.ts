import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openRestDoor } from '../../../test/support/rest-door.ts'
import { heldLetters } from './held-letters.ts'

test('letters that the store has let go by itself are given back, once, and what it holds is not', async (t) => {
  const door = await openRestDoor(t, undefined, { passed: () => Promise.resolve() })
  const sink = door.store.sink('dead-letters')
  const letter = { code: 'undecodable', reason: 'no', source: 'mqtt', bytes: Buffer.from('x') } as const
  for (let i = 0; i < 3; i++) door.intake.reject(letter)
  await door.intake.durable()
  const three = door.intake.books.letterBytes
  // Of three letters the store's retention has left one.
  const body = JSON.stringify({ ...letter, bytes: 'eA==' })
  const held = Buffer.byteLength(body)
  assert.equal(3 * held, three)
  await sink.write(
    door.log.write(door.log.documents('dead-letters', [{ key: '', time: 5, body }])),
    AbortSignal.timeout(10_000),
  )

  const discard = async () => {
    const response = await fetch(`${door.url}/api/v1/dead-letters?device=nobody`, { method: 'DELETE' })
    return { status: response.status, answer: await response.json() }
  }
  const answer = { discarded: 0, freedBytes: 2 * held, applied: true }
  assert.deepEqual(await discard(), { status: 200, answer })
  assert.equal(door.intake.books.letterBytes, held)
  assert.deepEqual(await discard(), { status: 200, answer: { ...answer, freedBytes: 0 } })
  assert.equal(door.intake.books.letterBytes, held)
})

test('one discard at a time: the other is told to come again', async (t) => {
  const entered = Promise.withResolvers<void>()
  const passing = Promise.withResolvers<void>()
  const passed = () => {
    entered.resolve()
    return passing.promise
  }
  const door = await openRestDoor(t, undefined, { passed })
  const discard = () => fetch(`${door.url}/api/v1/dead-letters?to=now`, { method: 'DELETE' })
  const first = discard()
  await entered.promise
  const second = await discard()
  assert.deepEqual([second.status, second.headers.get('retry-after')], [503, '1'])
  passing.resolve()
  assert.equal((await first).status, 200)
  assert.equal((await discard()).status, 200)
})

test('letters of each device are counted from the store: those of an earlier run fill its share', async (t) => {
  const door = await openRestDoor(t, undefined, { passed: () => Promise.resolve(), maxBytesPerDevice: 1_000 })
  const letter = { code: 'undecodable', reason: 'no', source: 'mqtt', device: 'a' } as const
  const bytes = Buffer.alloc(300).toString('base64')
  const body = JSON.stringify({ ...letter, bytes })
  // Of a row that a store refused: its key is the row's.
  const ofSink = (key: string) =>
    JSON.stringify({ ...letter, reason: '"device":"c"', source: 'main', device: 'b "1"', key, bytes })
  const write = door.log.write(
    door.log.documents('dead-letters', [
      ...[5, 6].map((time) => ({ key: 'a', time, body })),
      ...['main/log/7', 'main/log/8'].map((key) => ({ key, time: 7, body: ofSink(key) })),
    ]),
  )
  await door.store.sink('dead-letters').write(write, AbortSignal.timeout(10_000))
  const reject = (device: string) => door.intake.reject({ ...letter, device, bytes: Buffer.alloc(300) })
  reject('a')
  const parts = { intake: door.intake, store: door.store, passed: () => Promise.resolve() }
  const held = await heldLetters(parts, AbortSignal.timeout(10_000))
  assert.equal(held, 2 * body.length + 2 * ofSink('main/log/7').length)
  for (const device of ['a', 'b "1"']) assert.throws(() => reject(device), /maxBytesPerDevice/)
  for (const device of ['b', 'c', 'main/log/7']) reject(device)
})
