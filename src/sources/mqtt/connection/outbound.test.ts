import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '../../../lib/clock.ts'
import { Outbound } from './outbound.ts'
import type { Wire } from './wire.ts'

/** A wire whose peer reads when the test says so. */
class StoppedWire implements Wire {
  readonly remoteAddress = 'test'
  readonly writes: string[] = []
  isEnded = false
  #done: (() => void)[] = []

  write(bytes: Uint8Array, done: () => void): void {
    this.writes.push(Buffer.from(bytes).toString())
    this.#done.push(done)
  }
  pause(): void {}
  resume(): void {}
  end(): void {
    this.isEnded = true
  }
  destroy(): void {}

  read(): void {
    this.#done.shift()?.()
  }
}

const bytes = (text: string): Uint8Array => Buffer.from(text)

function open(maxBytes = 100, budget = { queuedBytes: 0, maxBytes: 1_000_000 }) {
  const wire = new StoppedWire()
  let sent = 0
  const outbound = new Outbound(wire, systemClock, budget, maxBytes, (n) => {
    sent += n
  })
  return { wire, outbound, budget, sent: () => sent }
}

test('what is sent in one turn leaves in one write, and one write is under way at a time', async () => {
  const { wire, outbound, sent } = open()
  outbound.send(bytes('a'))
  outbound.send(bytes('b'))
  assert.deepEqual(wire.writes, [])
  await nextTurn()
  assert.deepEqual(wire.writes, ['ab'])
  outbound.send(bytes('c'))
  outbound.send(bytes('d'))
  await nextTurn()
  assert.deepEqual(wire.writes, ['ab'])
  assert.equal(outbound.queuedBytes, 4)
  wire.read()
  assert.deepEqual(wire.writes, ['ab', 'cd'])
  wire.read()
  assert.equal(outbound.queuedBytes, 0)
  assert.equal(sent(), 4)
})

test('deliveries to a peer that does not read stop at its bound, and the protocol itself goes on', async () => {
  const { wire, outbound, budget } = open(10)
  assert.equal(outbound.offer(bytes('x'.repeat(50))), true, 'one always fits')
  assert.equal(outbound.offer(bytes('y')), false)
  outbound.send(bytes('ack'))
  assert.equal(outbound.full, true)
  await nextTurn()
  wire.read()
  assert.equal(outbound.full, false)
  assert.equal(outbound.offer(bytes('y')), true)
  assert.equal(budget.queuedBytes, outbound.queuedBytes)
})

test('when all connections together queue too much, each keeps a share of its own', () => {
  const budget = { queuedBytes: 0, maxBytes: 100_000 }
  const greedy = open(1_000_000, budget)
  const modest = open(1_000_000, budget)
  const kilobytes = (n: number) => new Uint8Array(n * 1024)
  assert.equal(greedy.outbound.offer(kilobytes(90)), true)
  assert.equal(greedy.outbound.offer(kilobytes(20)), false)
  assert.equal(modest.outbound.offer(kilobytes(30)), true)
  assert.equal(modest.outbound.offer(kilobytes(30)), true)
  assert.equal(modest.outbound.offer(kilobytes(30)), false)
  greedy.outbound.close()
  modest.outbound.close()
  assert.equal(budget.queuedBytes, 0)
})

test('ending waits for what is queued', async () => {
  const { wire, outbound } = open()
  outbound.send(bytes('last'))
  outbound.end()
  outbound.send(bytes('too late'))
  await nextTurn()
  assert.deepEqual(wire.writes, ['last'])
  assert.equal(wire.isEnded, false)
  wire.read()
  assert.equal(wire.isEnded, true)
})
