import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { generate, type IPublishPacket, type Packet, parser } from 'mqtt-packet'
import { Assembly } from '../connection/assembly.ts'
import { AssemblyBudget } from '../connection/assembly-budget.ts'
import { incomplete, PacketWalk, publish } from './packet-walk.ts'

const maxBytes = 300_000

interface Seen {
  readonly cmd: string
  readonly topic?: string
  readonly qos?: number
  readonly retain?: boolean
  readonly id?: number
  readonly payload?: string
}

/** Walks the stream in the given pieces as a connection does. The last entry is the reason code of a broken stream. */
function walkPieces(pieces: readonly Uint8Array[], version: number): (Seen | number)[] {
  const seen: (Seen | number)[] = []
  const walk = new PacketWalk()
  const assembly = new Assembly(new AssemblyBudget(1e9), () => {})
  const walkBytes = (bytes: Uint8Array, to: number): number => {
    let at = 0
    while (at < to) {
      const found = walk.next(bytes, at, to, version, maxBytes)
      if (found === incomplete) return at
      if (found < 0) {
        seen.push(-found)
        return -1
      }
      seen.push(found === publish ? seenPublish(bytes, walk) : { cmd: 'other' })
      at = walk.end
    }
    return at
  }
  for (const piece of pieces) {
    let at = 0
    if (assembly.pending) {
      at = assembly.fill(piece, 0, piece.length, maxBytes)
      if (assembly.ready) {
        if (walkBytes(assembly.bytes, assembly.have) < 0) return seen
        assembly.clear()
      }
    }
    if (assembly.pending) continue
    const rest = piece.subarray(at)
    const walked = walkBytes(rest, rest.length)
    if (walked < 0) return seen
    if (walked < rest.length) assembly.fill(rest, walked, rest.length, maxBytes)
  }
  return seen
}

function seenPublish(bytes: Uint8Array, walk: PacketWalk): Seen {
  const text = (from: number, to: number) => Buffer.from(bytes.subarray(from, to)).toString('latin1')
  const { qos, retain, packetId: id } = walk
  const topic = text(walk.topicFrom, walk.topicTo)
  return { cmd: 'publish', topic, qos, retain, id, payload: text(walk.payloadFrom, walk.end) }
}

/** What mqtt-packet makes of the same bytes, up to its first error. */
function oracle(stream: Uint8Array, version: 4 | 5): Seen[] {
  const seen: Seen[] = []
  const reader = parser({ protocolVersion: version })
  reader.on('packet', (packet) => seen.push(seenByOracle(packet)))
  reader.on('error', () => undefined)
  reader.parse(Buffer.from(stream))
  return seen
}

function seenByOracle(packet: Packet): Seen {
  if (packet.cmd !== 'publish') return { cmd: 'other' }
  return {
    cmd: 'publish',
    topic: Buffer.from(packet.topic).toString('latin1'),
    qos: packet.qos,
    retain: packet.retain,
    id: packet.qos === 0 ? 0 : (packet.messageId ?? 0),
    payload: Buffer.from(packet.payload).toString('latin1'),
  }
}

function cut(stream: Uint8Array, places: readonly number[]): Uint8Array[] {
  const sorted = [...new Set(places.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b)
  const pieces: Uint8Array[] = []
  let from = 0
  for (const place of [...sorted, stream.length]) {
    // Pieces of their own memory: nothing may look beyond a read.
    pieces.push(stream.slice(from, place))
    from = place
  }
  return pieces
}

const properties = fc.record(
  {
    payloadFormatIndicator: fc.boolean(),
    messageExpiryInterval: fc.nat(1e6),
    responseTopic: fc.stringMatching(/^[a-zé/]{1,20}$/),
    correlationData: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    userProperties: fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[ -~é€]{0,30}$/), {
      minKeys: 1, // mqtt-packet writes nothing at all for none
      maxKeys: 4,
    }),
    contentType: fc.stringMatching(/^[a-z/]{1,20}$/),
  },
  { requiredKeys: [] },
)

const publishPacket: fc.Arbitrary<IPublishPacket> = fc.record({
  cmd: fc.constant('publish' as const),
  topic: fc.stringMatching(/^[a-zé$/]{1,40}$/),
  qos: fc.constantFrom(0, 1, 2),
  messageId: fc.integer({ min: 1, max: 65_535 }),
  dup: fc.constant(false),
  retain: fc.boolean(),
  payload: fc
    .oneof(
      { weight: 20, arbitrary: fc.uint8Array({ maxLength: 300 }) },
      { weight: 1, arbitrary: fc.uint8Array({ minLength: 16_300, maxLength: 16_500 }) },
    )
    .map((bytes) => Buffer.from(bytes)),
  properties,
})

const otherPacket: fc.Arbitrary<Packet> = fc.constantFrom<Packet>(
  { cmd: 'pingreq' },
  { cmd: 'disconnect', reasonCode: 0 },
  { cmd: 'subscribe', messageId: 7, subscriptions: [{ topic: 'a/#', qos: 0 }] },
)

const version = fc.constantFrom(4 as const, 5 as const)
const packets = fc.array(fc.oneof({ weight: 6, arbitrary: publishPacket }, otherPacket), { maxLength: 20 })
const places = fc.array(fc.nat(100_000), { maxLength: 30 })

function encode(list: readonly Packet[], protocolVersion: 4 | 5): Uint8Array {
  return new Uint8Array(Buffer.concat(list.map((packet) => generate(packet, { protocolVersion }))))
}

test('the walk sees what mqtt-packet sees, wherever the reads cut the stream', () => {
  fc.assert(
    fc.property(version, packets, places, (v, list, cuts) => {
      const stream = encode(list, v)
      assert.deepEqual(walkPieces(cut(stream, cuts), v), oracle(stream, v))
      assert.equal(oracle(stream, v).length, list.length)
    }),
    { numRuns: 400 },
  )
})

test('a stream read byte by byte gives the same packets', () => {
  fc.assert(
    fc.property(version, packets, (v, list) => {
      const stream = encode(list, v)
      const bytes = Array.from(stream, (byte) => Uint8Array.of(byte))
      assert.deepEqual(walkPieces(bytes, v), oracle(stream, v))
    }),
    { numRuns: 50 },
  )
})

test('a damaged stream never throws, gives the same in any cut, and agrees with mqtt-packet as far as both go', () => {
  const damage = fc.array(fc.tuple(fc.nat(100_000), fc.integer({ min: 0, max: 255 })), { maxLength: 4 })
  let broken = 0
  fc.assert(
    fc.property(version, packets, damage, fc.nat(100_000), places, (v, list, changes, end, cuts) => {
      const stream = encode(list, v)
      for (const [place, byte] of changes) if (stream.length > 0) stream[place % stream.length] = byte
      const truncated = stream.slice(0, stream.length - (end % 3 === 0 ? end % (stream.length + 1) : 0))
      const whole = walkPieces([truncated], v)
      assert.deepEqual(walkPieces(cut(truncated, cuts), v), whole)
      const last = whole.at(-1)
      if (typeof last === 'number') {
        broken++
        assert.ok([0x81, 0x82, 0x94, 0x95].includes(last), `reason ${last}`)
      }
      // mqtt-packet stops at control packets that are broken inside, which the walk does not look into, and
      // goes over faults of properties, strings and ids that the walk stops at.
      const ours = whole.filter((seen): seen is Seen => typeof seen !== 'number')
      const theirs = oracle(truncated, v)
      const both = Math.min(ours.length, theirs.length)
      for (let i = 0; i < both; i++) if (isUtf8(theirs[i])) assert.deepEqual(ours[i], theirs[i])
    }),
    { numRuns: 1500 },
  )
  assert.ok(broken > 100, `only ${broken} streams were broken`)
})

/** mqtt-packet turns a topic that is no UTF-8 into something else; the walk hands its bytes on to be judged. */
function isUtf8(seen: Seen | undefined): boolean {
  return seen?.topic === undefined || !Buffer.from(seen.topic, 'latin1').toString('utf8').includes('\ufffd')
}

const faults: readonly [name: string, version: number, bytes: number[], reason: number][] = [
  ['QoS 3', 4, [0x36, 5, 0, 1, 97, 0, 1], 0x81],
  ['DUP at QoS 0', 4, [0x38, 3, 0, 1, 97], 0x81],
  ['packet id 0', 4, [0x32, 5, 0, 1, 97, 0, 0], 0x82],
  ['no packet id', 4, [0x32, 3, 0, 1, 97], 0x81],
  ['a topic longer than the packet', 4, [0x30, 3, 0, 2, 97], 0x81],
  ['no topic length', 4, [0x30, 1, 0], 0x81],
  ['a remaining length of five bytes', 4, [0x30, 0x80, 0x80, 0x80, 0x80, 1], 0x81],
  ['a remaining length longer than it needs', 5, [0x30, 0x84, 0, 0, 1, 97, 0], 0x81],
  ['a property length longer than it needs', 5, [0x30, 5, 0, 1, 97, 0x80, 0], 0x81],
  ['no properties', 5, [0x30, 3, 0, 1, 97], 0x81],
  ['properties longer than the packet', 5, [0x30, 5, 0, 1, 97, 5, 1], 0x81],
  ['topic alias 0', 5, [0x30, 7, 0, 1, 97, 3, 0x23, 0, 0], 0x94],
  ['a subscription identifier', 5, [0x30, 6, 0, 1, 97, 2, 0x0b, 1], 0x82],
  ['a property that is no property of PUBLISH', 5, [0x30, 6, 0, 1, 97, 2, 0x11, 1], 0x81],
  ['the same property twice', 5, [0x30, 8, 0, 1, 97, 4, 1, 0, 1, 0], 0x82],
  ['a response topic with a wildcard', 5, [0x30, 8, 0, 1, 97, 4, 8, 0, 1, 0x23], 0x82],
  ['a user property that is not UTF-8', 5, [0x30, 10, 0, 1, 97, 6, 0x26, 0, 1, 0xff, 0, 0], 0x81],
  ['a property cut short', 5, [0x30, 7, 0, 1, 97, 3, 2, 0, 0], 0x81],
  ['more than the largest packet', 4, [0x30, 0xff, 0xff, 0x7f], 0x95],
]
for (const [name, v, bytes, expected] of faults) {
  test(`a PUBLISH with ${name} breaks the stream with 0x${expected.toString(16)}`, () => {
    assert.deepEqual(walkPieces([Uint8Array.from(bytes)], v), [expected])
    assert.deepEqual(
      walkPieces(
        bytes.map((byte) => Uint8Array.of(byte)),
        v,
      ),
      [expected],
    )
  })
}
