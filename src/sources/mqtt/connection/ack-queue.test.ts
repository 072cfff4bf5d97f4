import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Durable } from '../../../core/durable.ts'
import { AckQueue, AckScratch } from './ack-queue.ts'

const never = new Promise<Durable>(() => {})

test('an acknowledgement leaves for nothing but a real Durable', () => {
  const sent: Uint8Array[] = []
  const acks = new AckQueue(new AckScratch(), (bytes) => sent.push(bytes))
  acks.take(1)
  assert.throws(() => acks.seal(undefined), /needs a commit/)
  acks.take(2)
  const batch = acks.seal(never) ?? assert.fail()
  const forged = { position: { log: 'x', partition: 0, next: 1n } } as Durable // as: what no one could write without it
  assert.throws(() => acks.release(batch, forged), /needs a Durable/)
  assert.deepEqual(sent, [])
})

test('a refusal needs no commit, and waits for the acknowledgements before it', () => {
  const sent: number[][] = []
  const acks = new AckQueue(new AckScratch(), (bytes) => sent.push([...bytes]))
  acks.refuse(1, 7, 0x97)
  assert.equal(acks.seal(undefined), undefined)
  assert.deepEqual(sent, [[0x40, 3, 0, 7, 0x97]])
  acks.take(8)
  acks.seal(never)
  acks.refuse(1, 9, 0x97)
  acks.seal(undefined)
  assert.equal(sent.length, 1)
  assert.equal(acks.unanswered, 2)
})

test('reads that wait for the same commit share a batch', () => {
  const acks = new AckQueue(new AckScratch(), () => {})
  acks.take(1)
  const batch = acks.seal(never) ?? assert.fail()
  acks.take(2)
  assert.equal(acks.seal(never), undefined)
  assert.deepEqual([batch.messages, batch.taken], [2, 2])
})

test('more acknowledgements than one scratch holds are all there', () => {
  const acks = new AckQueue(new AckScratch(), () => {})
  for (let id = 1; id <= 40_000; id++) acks.take(id)
  const bytes = Buffer.concat(acks.seal(never)?.parts ?? [])
  assert.equal(bytes.length, 160_000)
  for (let id = 1; id <= 40_000; id++) assert.equal(bytes.readUInt16BE(id * 4 - 2), id)
})
