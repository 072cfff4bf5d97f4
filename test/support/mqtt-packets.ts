import fc from 'fast-check'
import { generate, type Packet, type UserProperties } from 'mqtt-packet'
import { below } from './random.ts'

const text = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z0-9 /é€]{0,20}$/) },
  { weight: 1, arbitrary: fc.constantFrom('\u{1f600}', '\ufeff', '\ufffd', '__proto__', '\u0001') },
)
const topic = fc.stringMatching(/^[a-zé/$]{1,24}$/)
const filter = fc.oneof(
  topic,
  fc.constantFrom('#', '+', 'a/+/b', 'a/#', '$share/group/a', '+/+', 'a+', '#/a'),
)
const bytes = fc.uint8Array({ maxLength: 60 }).map((part) => Buffer.from(part))
/** Across the border where the remaining length takes another byte, too. */
const payload = fc.oneof(
  { weight: 40, arbitrary: fc.uint8Array({ maxLength: 140 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 16_370, maxLength: 16_390, size: 'max' }) },
)
const u16 = fc.integer({ min: 0, max: 65_535 })
const id = fc.integer({ min: 1, max: 65_535 })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
// mqtt-packet writes nothing at all for an object without members.
const userProperties: fc.Arbitrary<UserProperties> = fc
  .array(fc.tuple(text, fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 }))), {
    minLength: 1,
    maxLength: 3,
  })
  .map((pairs) => {
    const properties: UserProperties = {}
    // Not by assignment, to which __proto__ means something else.
    for (const [name, value] of pairs)
      Object.defineProperty(properties, name, { value, enumerable: true, configurable: true })
    return properties
  })

/** Any of these members, or none. */
function some<T extends object>(properties: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return fc.record(properties, { requiredKeys: [] })
}

const answerProperties = some({ reasonString: text, userProperties })

const willProperties = some({
  willDelayInterval: u32,
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: u32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
})

const connectProperties = some({
  sessionExpiryInterval: u32,
  receiveMaximum: id,
  maximumPacketSize: fc.integer({ min: 1, max: 0xffff_ffff }),
  topicAliasMaximum: u16,
  requestResponseInformation: fc.boolean(),
  requestProblemInformation: fc.boolean(),
  userProperties,
})

const publishProperties = some({
  topicAlias: id,
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: u32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
})

function connect(version: 4 | 5): fc.Arbitrary<Packet> {
  const will = fc.record({
    topic,
    payload: bytes,
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    retain: fc.boolean(),
    ...(version === 5 ? { properties: willProperties } : {}),
  })
  const parts = fc.record({
    clientId: fc.stringMatching(/^[a-z0-9]{1,23}$/),
    clean: fc.boolean(),
    keepalive: u16,
    will: fc.option(will, { nil: undefined }),
    user: fc.option(fc.tuple(text, fc.option(bytes, { nil: undefined })), { nil: undefined }),
    properties: connectProperties,
  })
  return parts.map(({ user, will, properties, ...rest }) => ({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version,
    ...rest,
    ...(will === undefined ? {} : { will }),
    ...(user === undefined ? {} : { username: user[0] }),
    ...(user?.[1] === undefined ? {} : { password: user[1] }),
    ...(version === 5 ? { properties } : {}),
  }))
}

function publish(version: 4 | 5): fc.Arbitrary<Packet> {
  return fc.record({
    cmd: fc.constant('publish' as const),
    topic,
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    messageId: id,
    dup: fc.constant(false),
    retain: fc.boolean(),
    payload: payload.map((part) => Buffer.from(part)),
    ...(version === 5 ? { properties: publishProperties } : {}),
  })
}

function answer(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', version: 4 | 5): fc.Arbitrary<Packet> {
  const codes = cmd === 'puback' || cmd === 'pubrec' ? [0, 0x10, 0x80, 0x87, 0x97, 0x99] : [0, 0x92]
  return fc.record({
    cmd: fc.constant(cmd),
    messageId: id,
    ...(version === 5 ? { reasonCode: fc.constantFrom(...codes), properties: answerProperties } : {}),
  })
}

function subscribe(version: 4 | 5): fc.Arbitrary<Packet> {
  const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
  const options = { nl: fc.boolean(), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) }
  const subscription = fc.record({ topic: filter, qos, ...(version === 5 ? options : {}) })
  return fc.record({
    cmd: fc.constant('subscribe' as const),
    messageId: id,
    subscriptions: fc.array(subscription, { minLength: 1, maxLength: 4 }),
    ...(version === 5
      ? {
          properties: some({
            subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }),
            userProperties,
          }),
        }
      : {}),
  })
}

function unsubscribe(version: 4 | 5): fc.Arbitrary<Packet> {
  return fc.record({
    cmd: fc.constant('unsubscribe' as const),
    messageId: id,
    unsubscriptions: fc.array(filter, { minLength: 1, maxLength: 4 }),
    ...(version === 5 ? { properties: some({ userProperties }) } : {}),
  })
}

const disconnect5: fc.Arbitrary<Packet> = fc.record({
  cmd: fc.constant('disconnect' as const),
  reasonCode: fc.constantFrom(0, 4, 0x80, 0x82, 0x93),
  properties: some({ sessionExpiryInterval: u32, reasonString: text, userProperties }),
})

const auth: fc.Arbitrary<Packet> = fc.record({
  cmd: fc.constant('auth' as const),
  reasonCode: fc.constantFrom(0x18, 0x19),
  properties: fc.record(
    { authenticationMethod: text, authenticationData: bytes, reasonString: text, userProperties },
    { requiredKeys: ['authenticationMethod'] },
  ),
})

/** A valid packet of any type that a client may send. */
export function clientPacket(version: 4 | 5): fc.Arbitrary<Packet> {
  return fc.oneof(
    connect(version),
    { weight: 3, arbitrary: publish(version) },
    answer('puback', version),
    answer('pubrec', version),
    answer('pubrel', version),
    answer('pubcomp', version),
    subscribe(version),
    unsubscribe(version),
    fc.constant<Packet>({ cmd: 'pingreq' }),
    version === 5 ? disconnect5 : fc.constant<Packet>({ cmd: 'disconnect' }),
    version === 5 ? auth : publish(version),
  )
}

export function encodePacket(packet: Packet, version: 4 | 5): Buffer {
  return generate(packet, { protocolVersion: version })
}

/** The bytes with a few changed, taken out, put in or cut off: mostly near the front, where packets say what they are. */
export function mutate(packet: Uint8Array, random: () => number): Uint8Array {
  let bytes = [...packet]
  for (let changes = below(random, 4); changes >= 0; changes--) {
    const near = random() < 0.7 ? Math.min(bytes.length, 24) : bytes.length
    const place = below(random, near)
    const value = random() < 0.5 ? below(random, 256) : (oddBytes[below(random, oddBytes.length)] ?? 0)
    const kind = below(random, 8)
    if (kind === 0) bytes = bytes.slice(0, place + 1)
    else if (kind === 1) bytes.splice(place, 1)
    else if (kind === 2) bytes.splice(place, 0, value)
    else if (kind === 3) bytes[place] = (bytes[place] ?? 0) ^ (1 << below(random, 8))
    else if (kind === 4 && bytes.length > 1) bytes[1] = ((bytes[1] ?? 0) + below(random, 5) - 2) & 127
    else bytes[place] = value
  }
  return Uint8Array.from(bytes)
}

const oddBytes = [0, 1, 2, 3, 0x7f, 0x80, 0xc0, 0xed, 0xff, 0x23, 0x2b, 0x0b, 0x26, 0x1f, 0x11, 0x16]
