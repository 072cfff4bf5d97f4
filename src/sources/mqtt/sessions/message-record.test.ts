import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Message } from './message.ts'
import { decodeMessage, encodeMessage, type Target } from './message-record.ts'

const u32 = fc.nat({ max: 0xffff_ffff })
const bytes = (maxLength: number) => fc.uint8Array({ maxLength })
const message = fc
  .record({
    topic: bytes(300),
    properties: bytes(300),
    payload: bytes(300),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    expiresAt: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.double({ noNaN: true })),
  })
  .map((parts) => new Message(parts))
const target: fc.Arbitrary<Target> = fc.record(
  {
    session: u32,
    qos: fc.constantFrom(1 as const, 2 as const),
    retain: fc.boolean(),
    ids: fc.array(u32, { maxLength: 5 }),
  },
  { noNullPrototype: true },
)
const targets = fc.array(target, { maxLength: 8 })

const partsOf = ({ topic, properties, payload, qos, expiresAt }: Message) => ({
  topic: Buffer.from(topic),
  properties: Buffer.from(properties),
  payload: Buffer.from(payload),
  qos,
  expiresAt,
})

test('a message comes out of its record as it went in, with those it is for', () => {
  fc.assert(
    fc.property(message, targets, (given, wanted) => {
      const found = decodeMessage(encodeMessage(given, wanted))
      assert.ok(found !== undefined)
      assert.deepEqual(partsOf(found.message), partsOf(given))
      assert.deepEqual(found.targets, wanted)
    }),
  )
})

test('a record that is broken is none, or another message: it never throws', () => {
  const broken = fc.oneof(
    bytes(200),
    // Cut short, and changed at one place.
    fc
      .tuple(message, targets, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), fc.nat(255))
      .map(([given, wanted, part, at, byte]) => {
        const record = encodeMessage(given, wanted)
        record[at % record.length] = byte
        return record.subarray(0, Math.round(part * record.length))
      }),
  )
  fc.assert(
    fc.property(broken, (record) => {
      const found = decodeMessage(record)
      if (found === undefined) return
      const { message: read, targets: wanted } = found
      // Nothing is made up: it is the record of what was found in it.
      assert.equal(encodeMessage(read, wanted).length, record.length)
    }),
    { numRuns: 1000 },
  )
})

test('a record that ends within its targets, its topic or its properties is none', () => {
  const parts = { topic: Buffer.from('t'), properties: Buffer.from('p'), payload: Buffer.alloc(0) }
  const given = new Message({ ...parts, qos: 1, expiresAt: Number.POSITIVE_INFINITY })
  const record = encodeMessage(given, [{ session: 1, qos: 1, retain: false, ids: [7] }])
  for (let length = 0; length < record.length; length++)
    assert.equal(decodeMessage(record.subarray(0, length)), undefined, `${length} bytes`)
  assert.ok(decodeMessage(record) !== undefined)
})
