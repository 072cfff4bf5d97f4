import { type ProtocolVersion, reason } from './reason.ts'
import { isMqttText } from './utf8.ts'

/** The type of a packet: the high nibble of its first byte (MQTT 5 table 2-1). */
export const packetType = {
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
  auth: 15,
} as const

/** What is wrong with a whole packet of a client that is not a PUBLISH: a reason code with its words, or undefined. */
export function controlFault(bytes: Uint8Array, version: ProtocolVersion): PacketFault | undefined {
  const header = bytes[0] ?? 0
  const type = header >> 4
  const cursor = new Cursor(bytes, version)
  if (type === 0 || (type === packetType.auth && version === 4))
    cursor.fail('there is no such type of packet')
  if ((header & 15) !== (flagged.has(type) ? 2 : 0)) cursor.fail('reserved flags are set')
  const check = checks[type]
  if (check === undefined) {
    cursor.fail('only a server sends such a packet', reason.protocolError)
    return cursor.fault
  }
  cursor.skipLength()
  check(cursor)
  if (cursor.left > 0) cursor.fail('bytes behind its end')
  return cursor.fault
}

export interface PacketFault {
  readonly reasonCode: number
  readonly why: string
}

/** Types whose flags are 0010 (MQTT 5 table 2-2). */
const flagged: ReadonlySet<number> = new Set([
  packetType.pubrel,
  packetType.subscribe,
  packetType.unsubscribe,
])

/** MQTT 5 table 2-4: the form of each property, the same wherever it stands. */
const forms: Readonly<Record<number, (cursor: Cursor) => void>> = {
  0x01: (cursor) => cursor.flag(),
  0x02: (cursor) => cursor.skip(4),
  0x03: (cursor) => cursor.text(),
  0x08: (cursor) => cursor.topic(),
  0x09: (cursor) => cursor.block(),
  0x0b: (cursor) => cursor.positive(cursor.varint()),
  0x11: (cursor) => cursor.skip(4),
  0x15: (cursor) => cursor.text(),
  0x16: (cursor) => cursor.block(),
  0x17: (cursor) => cursor.flag(),
  0x18: (cursor) => cursor.skip(4),
  0x19: (cursor) => cursor.flag(),
  0x1c: (cursor) => cursor.text(),
  0x1f: (cursor) => cursor.text(),
  0x21: (cursor) => cursor.positive(cursor.u16()),
  0x22: (cursor) => cursor.skip(2),
  0x26: (cursor) => {
    cursor.text()
    cursor.text()
  },
  0x27: (cursor) => cursor.positive(cursor.u16() + cursor.u16()),
}
const authenticationMethod = 0x15
const authenticationData = 0x16
const userProperty = 0x26

const ofConnect = [0x11, authenticationMethod, authenticationData, 0x17, 0x19, 0x21, 0x22, userProperty, 0x27]
const ofWill = [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, userProperty]
const ofAnswer = [0x1f, userProperty]

/** Reads a packet from its front to its end, and keeps the first fault; behind that nothing is left to read. */
class Cursor {
  fault: PacketFault | undefined
  readonly #bytes: Uint8Array
  readonly version: ProtocolVersion
  #at = 1
  #end: number

  constructor(bytes: Uint8Array, version: ProtocolVersion) {
    this.#bytes = bytes
    this.version = version
    this.#end = bytes.length
  }

  get left(): number {
    return this.#end - this.#at
  }

  fail(why: string, reasonCode: number = reason.malformedPacket): void {
    this.fault ??= { reasonCode, why }
    this.#at = this.#end
  }

  skip(count: number): void {
    if (count > this.left) this.fail('a field is cut short')
    else this.#at += count
  }

  u8(): number {
    this.skip(1)
    return this.fault === undefined ? (this.#bytes[this.#at - 1] as number) : 0
  }

  u16(): number {
    return (this.u8() << 8) | this.u8()
  }

  /** MQTT 5 §1.5.5: at most four bytes, and no more than it needs. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8()
      value |= (byte & 127) << shift
      if (byte > 127) continue
      if (byte === 0 && shift > 0) this.fail('a length takes more bytes than it needs')
      return value
    }
    this.fail('a length of more than four bytes')
    return 0
  }

  /** The remaining length, which whoever cut the packet out has read. */
  skipLength(): void {
    if (this.version === 5) this.varint()
    else while (this.u8() > 127);
  }

  block(): number {
    const length = this.u16()
    this.skip(length)
    return length
  }

  /** A topic that is answered to: no filter (MQTT-3.3.2-14). */
  topic(): void {
    const from = this.#at + 2
    this.text()
    if (this.fault !== undefined) return
    for (let at = from; at < this.#at; at++)
      if (this.#bytes[at] === 0x2b || this.#bytes[at] === 0x23)
        return this.fail('a response topic with a wildcard', reason.protocolError)
  }

  text(): void {
    const length = this.block()
    if (this.fault === undefined && !isMqttText(this.#bytes, this.#at - length, this.#at))
      this.fail('a text is not UTF-8, or holds U+0000')
  }

  flag(): void {
    if (this.u8() > 1) this.fail('a property is neither 0 nor 1', reason.protocolError)
  }

  positive(value: number): void {
    if (value === 0) this.fail('a property or packet id is 0', reason.protocolError)
  }

  /** `needed` is one that may not be left out. */
  properties(allowed: readonly number[], needed?: number): void {
    if (this.version === 4) return
    const length = this.varint()
    if (length > this.left) return this.fail('the properties are longer than the packet')
    const packetEnd = this.#end
    const end = this.#at + length
    this.#end = end
    let seen = 0n
    while (this.left > 0) {
      const id = this.varint()
      const bit = 1n << BigInt(id % 64)
      if (!allowed.includes(id)) this.fail(`property ${id} does not belong there`)
      else if (id !== userProperty && (seen & bit) !== 0n)
        this.fail(`property ${id} stands there twice`, reason.protocolError)
      else forms[id]?.(this)
      seen |= bit
    }
    const has = (id: number) => (seen & (1n << BigInt(id))) !== 0n
    const isMissing =
      (needed !== undefined && !has(needed)) || (has(authenticationData) && !has(authenticationMethod))
    if (isMissing) this.fail('a property is missing', reason.protocolError)
    if (this.fault !== undefined) return
    this.#at = end
    this.#end = packetEnd
  }

  /** A reason code and properties, both of which may be left out at the end (MQTT 5 §3.4.2.1). */
  reasonCode(codes: ReadonlySet<number>, allowed: readonly number[], needed?: number): void {
    if (this.left === 0 || this.version === 4) return
    if (!codes.has(this.u8())) this.fail('a reason code that does not belong there', reason.protocolError)
    if (this.left > 0) this.properties(allowed, needed)
  }
}

const received: ReadonlySet<number> = new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const released: ReadonlySet<number> = new Set([0, 0x92])
const authenticating: ReadonlySet<number> = new Set([0x18, 0x19])
/** MQTT 5 table 3-10: those that a client sends. */
const leaving: ReadonlySet<number> = new Set([
  ...[0, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99],
])

function answer(codes: ReadonlySet<number>): (cursor: Cursor) => void {
  return (cursor) => {
    cursor.positive(cursor.u16()) // MQTT-2.2.1-3
    cursor.reasonCode(codes, ofAnswer)
  }
}

const checks: Readonly<Record<number, (cursor: Cursor) => void>> = {
  [packetType.connect]: checkConnect,
  [packetType.puback]: answer(received),
  [packetType.pubrec]: answer(received),
  [packetType.pubrel]: answer(released),
  [packetType.pubcomp]: answer(released),
  [packetType.subscribe]: checkSubscribe,
  [packetType.unsubscribe]: checkUnsubscribe,
  [packetType.pingreq]: () => {},
  [packetType.disconnect]: (cursor) => cursor.reasonCode(leaving, [0x11, 0x1c, ...ofAnswer]),
  [packetType.auth]: checkAuth,
}

/** §3.1; protocol name and level were judged before. */
function checkConnect(cursor: Cursor): void {
  cursor.text()
  cursor.skip(1)
  const flags = cursor.u8()
  const hasWill = (flags & 0x04) !== 0
  const hasName = (flags & 0x80) !== 0
  const hasPassword = (flags & 0x40) !== 0
  const isOdd =
    (flags & 0x01) !== 0 || // MQTT-3.1.2-3
    (flags & 0x18) === 0x18 || // MQTT-3.1.2-12
    (!hasWill && (flags & 0x38) !== 0) || // MQTT-3.1.2-11, -13
    (cursor.version === 4 && hasPassword && !hasName) // 3.1.1: MQTT-3.1.2-22
  if (isOdd) cursor.fail('the flags of CONNECT contradict each other')
  cursor.skip(2)
  cursor.properties(ofConnect)
  cursor.text()
  if (hasWill) {
    cursor.properties(ofWill)
    cursor.text()
    cursor.block()
  }
  if (hasName) cursor.text()
  if (hasPassword) cursor.block()
}

/** §3.8 */
function checkSubscribe(cursor: Cursor): void {
  cursor.positive(cursor.u16())
  cursor.properties([0x0b, userProperty])
  if (cursor.left === 0) cursor.fail('no filter', reason.protocolError) // MQTT-3.8.3-2
  while (cursor.left > 0) {
    cursor.text()
    const options = cursor.u8()
    if (options > (cursor.version === 4 ? 2 : 63)) cursor.fail('reserved bits are set') // MQTT-3.8.3-5
    if ((options & 3) === 3 || options >> 4 === 3)
      cursor.fail('QoS 3, or retain handling 3', reason.protocolError)
  }
}

/** §3.10 */
function checkUnsubscribe(cursor: Cursor): void {
  cursor.positive(cursor.u16())
  cursor.properties([userProperty])
  if (cursor.left === 0) cursor.fail('no filter', reason.protocolError) // MQTT-3.10.3-2
  while (cursor.left > 0) cursor.text()
}

/** §3.15. No code means success (§3.15.2.1), which only a server says; the method may not be left out (§3.15.2.2.2). */
function checkAuth(cursor: Cursor): void {
  if (cursor.left < 2) cursor.fail('an AUTH without method', reason.protocolError)
  cursor.reasonCode(
    authenticating,
    [authenticationMethod, authenticationData, ...ofAnswer],
    authenticationMethod,
  )
}
