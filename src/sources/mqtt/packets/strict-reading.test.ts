import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Packet, parser } from 'mqtt-packet'
import { clientPacket, encodePacket, mutate } from '../../../../test/support/mqtt-packets.ts'
import { seededRandom } from '../../../../test/support/random.ts'
import { readStrictly } from '../../../../test/support/strict-mqtt.ts'
import { parseControl } from './control-packet.ts'
import { incomplete, PacketWalk, publish } from './packet-walk.ts'
import { topicFault } from './topic.ts'

const walk = new PacketWalk()
/** As if the server had told the most: which aliases it takes is judged behind the walk. */
const aliases = 65_535
const sent = fc.oneof(
  fc.tuple(fc.constant(4 as const), clientPacket(4)),
  fc.tuple(fc.constant(5 as const), clientPacket(5)),
)

/** What the gateway makes of the packet that the bytes begin with. */
function read(bytes: Uint8Array, v: 4 | 5): 'incomplete' | { fault: number } | Packet {
  const found = walk.next(bytes, 0, bytes.length, v, 300_000_000)
  if (found === incomplete) return 'incomplete'
  if (found < 0) return { fault: -found }
  if (found !== publish) {
    const packet = parseControl(bytes.subarray(0, walk.size), v)
    return 'why' in packet ? { fault: packet.reasonCode } : packet
  }
  const fault = topicFault(bytes, walk.topicFrom, walk.topicTo, 65_535)
  const hasAlias = fault === 'empty' && walk.topicAlias > 0
  if (fault !== undefined && !hasAlias)
    return { fault: { malformed: 0x81, empty: 0x82, invalid: 0x90, 'too-long': 0 }[fault] }
  const part = (from: number, to: number) => Buffer.from(bytes.subarray(from, to))
  return {
    cmd: 'publish',
    topic: part(walk.topicFrom, walk.topicTo).toString('utf8'),
    qos: walk.qos as 0 | 1 | 2, // as: the walk takes no other
    dup: (walk.header & 8) !== 0,
    retain: walk.retain,
    ...(walk.qos > 0 ? { messageId: walk.packetId } : {}),
    payload: part(walk.payloadFrom, walk.end),
  }
}

/** What mqtt-packet makes of them. */
function oracle(bytes: Uint8Array, v: 4 | 5): Packet | undefined {
  let packet: Packet | undefined
  const reader = parser({ protocolVersion: v })
  reader.on('packet', (parsed) => {
    packet = parsed
  })
  reader.on('error', () => {})
  reader.parse(Buffer.from(bytes))
  return packet
}

/** What a packet says, without how mqtt-packet got there; the walk leaves a PUBLISH's properties where they are. */
function said(packet: Packet | undefined): object | undefined {
  if (packet === undefined) return undefined
  const { length: _length, ...rest } = packet
  if (packet.cmd !== 'publish') return rest
  const { cmd, topic, qos, dup, retain, messageId, payload } = packet
  return { cmd, topic, qos, dup, retain, ...(qos > 0 ? { messageId } : {}), payload: Buffer.from(payload) }
}

test('every packet that a client may send is read as mqtt-packet and the standard read it', () => {
  fc.assert(
    fc.property(sent, ([v, packet]) => {
      const bytes = encodePacket(packet, v)
      assert.deepEqual(readStrictly(bytes, v, aliases), { size: bytes.length })
      const seen = read(bytes, v)
      assert.ok(typeof seen === 'object' && 'cmd' in seen, JSON.stringify(seen))
      assert.deepEqual(said(seen), said(oracle(bytes, v)))
      assert.equal(seen.cmd, packet.cmd)
    }),
    { numRuns: 1000 },
  )
})

test('a packet that was damaged or cut short gets the answer that the standard has for it', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(sent, fc.nat(), ([v, packet], seed) => {
      const bytes = mutate(encodePacket(packet, v), seededRandom(seed))
      const strict = readStrictly(bytes, v, aliases)
      const ours = read(bytes, v)
      // Name and level of the protocol are looked at before the packet is read.
      if (typeof strict === 'object' && strict.fault === 0x84) return
      const expected = typeof strict === 'string' ? strict : (strict.fault ?? 'fine')
      const got = typeof ours === 'string' ? ours : 'fault' in ours ? ours.fault : 'fine'
      // Of several faults of a PUBLISH either may be told: its topic is looked at last.
      const isEither = (bytes[0] ?? 0) >> 4 === 3 && typeof got === 'number' && typeof expected === 'number'
      if (!isEither)
        assert.equal(got, expected, `${Buffer.from(bytes).toString('hex', 0, 400)} in version ${v}`)
      seen.set(String(got), (seen.get(String(got)) ?? 0) + 1)
    }),
    { numRuns: 20_000, endOnFailure: true },
  )
  for (const outcome of ['incomplete', 'fine', '129', '130'])
    assert.ok((seen.get(outcome) ?? 0) > 20, `only ${seen.get(outcome)} were ${outcome}`)
})
