import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Incoming } from './incoming.ts'

const packetId = fc.integer({ min: 1, max: 65_535 })

/** Writes what has changed onto a disk. */
function write(incoming: Incoming, disk: Map<number, Uint8Array>): number {
  let bytes = 0
  for (const [block, record] of incoming.takeChanged()) {
    if (record === undefined) disk.delete(block)
    else disk.set(block, record.slice())
    bytes += record?.length ?? 0
  }
  return bytes
}

function readBack(disk: ReadonlyMap<number, Uint8Array>): number[] {
  const incoming = new Incoming()
  for (const [block, record] of disk) incoming.restore(block, record)
  return [...incoming]
}

const ascending = (ids: Iterable<number>): number[] => [...ids].sort((a, b) => a - b)

test('packet ids are those of a plain set, and come back from the disk as they were written', () => {
  // Few enough that some are met again.
  const change = fc.record({
    isAdded: fc.boolean(),
    id: fc.oneof(packetId, fc.integer({ min: 1, max: 300 })),
  })
  fc.assert(
    fc.property(fc.array(fc.array(change)), (commits) => {
      const incoming = new Incoming()
      const plain = new Set<number>()
      const disk = new Map<number, Uint8Array>()
      for (const changes of commits) {
        for (const { isAdded, id } of changes) {
          if (isAdded) {
            incoming.add(id)
            plain.add(id)
          } else assert.equal(incoming.delete(id), plain.delete(id))
          assert.equal(incoming.has(id), isAdded)
        }
        assert.equal(incoming.size, plain.size)
        assert.deepEqual(ascending(incoming), ascending(plain))
        write(incoming, disk)
        assert.deepEqual(ascending(readBack(disk)), ascending(plain))
      }
      // What is written must be known, or it would stay for ever.
      for (const block of disk.keys()) assert.ok([...incoming.written()].includes(block))
    }),
  )
})

test('a change costs the same however many ids there are', () => {
  const incoming = new Incoming()
  const disk = new Map<number, Uint8Array>()
  for (let id = 1; id <= 65_535; id++) incoming.add(id)
  write(incoming, disk)
  incoming.delete(777)
  assert.equal(write(incoming, disk), 16)
  incoming.add(777)
  assert.equal(write(incoming, disk), 16)
  assert.equal(readBack(disk).length, 65_535)
})

test('what has not reached the disk is written again, what is gone too', () => {
  const incoming = new Incoming()
  const disk = new Map<number, Uint8Array>()
  incoming.add(1)
  incoming.add(1000)
  write(incoming, disk)
  incoming.delete(1)
  incoming.add(5000)
  incoming.takeChanged() // lost
  incoming.writeAgain()
  write(incoming, disk)
  assert.deepEqual(ascending(readBack(disk)), [1000, 5000])
})

test('broken records throw nowhere', () => {
  fc.assert(
    fc.property(fc.oneof(fc.integer(), fc.double()), fc.uint8Array(), (block, record) => {
      const incoming = new Incoming()
      incoming.restore(block, record)
      for (const id of incoming) assert.ok(id >= 0 && id <= 65_535)
    }),
  )
})
