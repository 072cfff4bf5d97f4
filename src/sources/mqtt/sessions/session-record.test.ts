import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RecordingIntake } from '../../../../test/support/recording-intake.ts'
import { Keeper } from './keeper.ts'
import { Message } from './message.ts'
import { Outgoing } from './outgoing.ts'
import { Session } from './session.ts'
import {
  decodeInFlight,
  decodeSentId,
  decodeSession,
  encodeInFlight,
  encodeSentId,
  encodeSession,
} from './session-record.ts'

const keeper = new Keeper(new RecordingIntake(), { maxQueuedBytes: 1, maxQueuedTotalBytes: 1 })
const text = fc.string({ unit: 'grapheme' })
const version = fc.constantFrom(4 as const, 5 as const)
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const kind = fc.constantFrom('local' as const, 'anonymous' as const, 'device' as const)
const subscription = fc.record({
  share: fc.option(text, { nil: undefined }),
  filter: text,
  qos,
  noLocal: fc.boolean(),
  retainAsPublished: fc.boolean(),
  id: fc.nat(268_435_455),
})
const session = fc
  .record({
    clientId: text,
    number: fc.integer({ min: 1 }),
    version,
    principal: fc.record({ kind, name: text, roles: fc.array(text) }),
    expirySeconds: fc.nat(0xffff_ffff),
    awaySince: fc.option(fc.nat(), { nil: undefined }),
    will: fc.option(fc.record({ packet: fc.uint8Array(), version, delaySeconds: fc.nat() }), {
      nil: undefined,
    }),
    subscriptions: fc.array(fc.tuple(text, subscription)),
  })
  .map(({ clientId, number, principal, subscriptions, ...more }) => {
    const made = new Session(clientId, number, more.version, principal, keeper)
    for (const [filter, options] of subscriptions) made.subscriptions.set(filter, options)
    return Object.assign(made, more)
  })

/** As JSON has it: no member that is undefined. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

test('a session comes out of its record as it went in', () => {
  fc.assert(
    fc.property(session, (given) => {
      const { clientId, number, version, principal, expirySeconds, awaySince, will, subscriptions } = given
      const packet = will && Buffer.from(will.packet).toString('base64')
      assert.deepEqual(
        plain(decodeSession(encodeSession(given))),
        plain({
          ...{ clientId, number, version, principal, expirySeconds, awaySince },
          will: will && { ...will, packet },
          subscriptions: [...subscriptions],
        }),
      )
    }),
  )
})

test('what is in flight comes out of its records with packet ids and what was released', () => {
  const inFlight = fc.uniqueArray(
    fc.record(
      {
        messageId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        packetId: fc.integer({ min: 1, max: 65_535 }),
        isReleased: fc.boolean(),
      },
      { noNullPrototype: true },
    ),
    { selector: ({ packetId }) => packetId, maxLength: 50 },
  )
  fc.assert(
    fc.property(inFlight, (entries) => {
      const outgoing = new Outgoing()
      for (const { messageId, packetId, isReleased } of entries) {
        const bytes = new Uint8Array(0)
        const message = new Message({ topic: bytes, properties: bytes, payload: bytes, qos: 2, expiresAt: 0 })
        message.id = messageId
        const state = isReleased ? 'released' : 'sent'
        outgoing.restore({ message, qos: 2, retain: false, ids: [], packetId, state })
      }
      const found = Array.from({ length: 512 }, (_, block) =>
        encodeInFlight(outgoing.inBlock(block)),
      ).flatMap((record) => (record === undefined ? [] : decodeInFlight(record)))
      assert.deepEqual(
        found,
        entries.toSorted((a, b) => a.packetId - b.packetId),
      )
    }),
  )
  fc.assert(fc.property(fc.maxSafeNat(), (id) => assert.equal(decodeSentId(encodeSentId(id)), id)))
})

test('broken records throw nowhere', () => {
  const changed = fc.tuple(session, fc.nat(), fc.nat(255)).map(([given, at, byte]) => {
    const record = encodeSession(given)
    record[at % record.length] = byte
    return record.subarray(0, Math.max(1, at % (2 * record.length)))
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), changed), (record) => {
      decodeSession(record)
      decodeSentId(record)
      assert.ok(decodeInFlight(record).length <= record.length / 12)
    }),
  )
  assert.equal(decodeSession(Buffer.from('{"clientId": "x"}')), undefined)
  assert.equal(decodeSentId(undefined), 0)
})
