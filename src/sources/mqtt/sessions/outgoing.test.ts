import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Message } from './message.ts'
import { type Entry, Outgoing } from './outgoing.ts'

function entry(id: number, packetId = 0): Entry {
  const nothing = new Uint8Array(0)
  const parts = { topic: nothing, properties: nothing, payload: nothing, qos: 1 as const }
  const message = new Message({ ...parts, expiresAt: Number.POSITIVE_INFINITY })
  message.id = id
  return { message, qos: 1, retain: false, ids: [], packetId, state: packetId > 0 ? 'sent' : 'queued' }
}

const nobody = () => false
const idOf = (found: Entry | undefined) => found?.message.id

test('messages come in order, with packet ids that nobody else has', () => {
  const outgoing = new Outgoing()
  for (let id = 1; id <= 200; id++) outgoing.add(entry(id))
  outgoing.restore(entry(0, 65_534))
  outgoing.restore(entry(0, 1))
  const ids: number[] = []
  for (let id = 1; id <= 200; id++) {
    const found = outgoing.next(nobody)
    assert.equal(idOf(found), id)
    ids.push(found?.packetId ?? 0)
  }
  assert.deepEqual(ids.slice(0, 3), [65_535, 2, 3])
  assert.equal(outgoing.next(nobody), undefined)
  assert.equal(outgoing.active, 200)
  assert.equal(outgoing.sentId, 200)
  for (const id of ids) outgoing.finish(id)
  assert.equal(outgoing.active, 0)
  assert.deepEqual([...outgoing.inFlight.keys()], [65_534, 1])
})

test('what is passed over takes no packet id, and is not to come any more', () => {
  const outgoing = new Outgoing()
  for (let id = 1; id <= 4; id++) outgoing.add(entry(id))
  const found = outgoing.next(({ message }) => message.id < 4)
  assert.deepEqual([idOf(found), found?.packetId, outgoing.sentId], [4, 1, 4])
  assert.equal(outgoing.waiting, 0)
})

test('a new connection gets everything in flight first, but what was finished with meanwhile', () => {
  const outgoing = new Outgoing()
  for (let id = 1; id <= 4; id++) outgoing.add(entry(id))
  for (let id = 1; id <= 3; id++) outgoing.next(nobody)
  outgoing.connected()
  assert.equal(outgoing.active, 0)
  assert.equal(idOf(outgoing.next(nobody)), 1)
  // The client answers what it had on the connection before: that makes no room on this one.
  outgoing.finish(2)
  assert.equal(outgoing.active, 1)
  assert.deepEqual([idOf(outgoing.next(nobody)), idOf(outgoing.next(nobody))], [3, 4])
  assert.equal(outgoing.active, 3)
  outgoing.finish(2)
  assert.equal(outgoing.active, 3)
})

test('all is given back at the end: in flight, then waiting', () => {
  const outgoing = new Outgoing()
  for (let id = 1; id <= 3; id++) outgoing.add(entry(id))
  outgoing.next(nobody)
  assert.deepEqual(outgoing.takeAll().map(idOf), [1, 2, 3])
  assert.ok(outgoing.isEmpty)
  assert.equal(outgoing.next(nobody), undefined)
})
