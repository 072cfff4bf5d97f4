import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteTable } from './byte-table.ts'

test('a byte table answers as a Map by strings would', () => {
  const key = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    // Names that differ in one place, as names do.
    fc
      .tuple(fc.nat(3), fc.nat(300))
      .map(([n, i]) => new TextEncoder().encode(`site/${'x'.repeat(n)}/pump-${i}/temp`)),
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(key, fc.nat(1e6)), { maxLength: 400, size: 'max' }),
      key,
      (entries, other) => {
        const table = new ByteTable()
        const map = new Map<string, number>()
        for (const [bytes, value] of entries) {
          const framed = Uint8Array.from([1, ...bytes, 2])
          table.put(framed, 1, 1 + bytes.length, value)
          map.set(String(bytes), value)
        }
        assert.equal(table.size, map.size)
        for (const [bytes] of [...entries, [other] as const])
          assert.equal(table.get(bytes, 0, bytes.length), map.get(String(bytes)) ?? -1)
      },
    ),
    { numRuns: 50 },
  )
})

test('a byte table holds hundreds of thousands of names, and keeps copies of them', () => {
  const table = new ByteTable()
  const encoder = new TextEncoder()
  const scratch = new Uint8Array(64)
  const write = (i: number): number => encoder.encodeInto(`device-${i}/metric`, scratch).written
  for (let i = 0; i < 200_000; i++) table.put(scratch, 0, write(i), i)
  assert.equal(table.size, 200_000)
  for (let i = 0; i < 200_000; i += 97) assert.equal(table.get(scratch, 0, write(i)), i)
  assert.equal(table.get(scratch, 0, write(200_000)), -1)
})
