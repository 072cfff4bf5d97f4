/**
 * The packets of a client, read slowly and as the standards say it: MQTT 3.1.1 and MQTT 5, each section where it is applied. It is
 * written from their text alone and shares nothing with the gateway, so that each can find the other's faults.
 */

/** What stands there. `size` is of the whole packet. A `fault` is the reason code of MQTT 5, which 3.1.1 knows only as an end. */
export type Strict =
  | { readonly size: number; readonly fault?: undefined }
  | { readonly size: number; readonly fault: Code }
  | 'incomplete'

type Code = 0x81 | 0x82 | 0x84 | 0x90 | 0x94

class Fault extends Error {
  readonly code: Code
  constructor(code: Code, why: string) {
    super(why)
    this.code = code
  }
}
const malformed = (why: string) => new Fault(0x81, why)
const protocolError = (why: string) => new Fault(0x82, why)

const types = {
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
}

/** Reads the packet that `bytes` begin with. `aliases`: the Topic Alias Maximum that the server has told. */
export function readStrictly(bytes: Uint8Array, version: 4 | 5, aliases = 0): Strict {
  const length = remainingLength(bytes)
  if (length === 'incomplete') return 'incomplete'
  if (length === 'malformed') return { size: bytes.length, fault: 0x81 }
  const size = length.at + length.value
  if (bytes.length < size) return 'incomplete'
  const body = new Reader(bytes.subarray(length.at, size), version)
  try {
    // MQTT-1.5.5-1 is of MQTT 5; 3.1.1 does not ask for the shortest form.
    if (version === 5 && !length.isShortest) throw malformed('a length that is not in its shortest form')
    readBody(bytes[0] as number, body, version, aliases)
    if (!body.isDone) throw malformed('bytes behind the end')
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { size, fault: error.code }
  }
  return { size }
}

/** §2.1.4 (5), §2.2.3 (3.1.1). */
function remainingLength(bytes: Uint8Array) {
  let value = 0
  for (let i = 1; i <= 4; i++) {
    const byte = bytes[i]
    if (byte === undefined) return 'incomplete'
    value += (byte % 128) * 128 ** (i - 1)
    if (byte < 128) return { value, at: i + 1, isShortest: i === 1 || byte > 0 }
  }
  return 'malformed'
}

class Reader {
  readonly #bytes: Uint8Array
  readonly version: 4 | 5
  #at = 0

  constructor(bytes: Uint8Array, version: 4 | 5) {
    this.#bytes = bytes
    this.version = version
  }

  get isDone(): boolean {
    return this.#at === this.#bytes.length
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw malformed('cut short')
    const part = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return part
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length - this.#at)
  }

  number(length: 1 | 2 | 4): number {
    return this.take(length).reduce((value, byte) => value * 256 + byte, 0)
  }

  /** MQTT 5 §1.5.5. */
  varint(): number {
    let value = 0
    for (let i = 0; i < 4; i++) {
      const byte = this.number(1)
      value += (byte % 128) * 128 ** i
      if (byte >= 128) continue
      if (i > 0 && byte === 0) throw malformed('a number that is not in its shortest form')
      return value
    }
    throw malformed('a number of five bytes')
  }

  binary(): Uint8Array {
    return this.take(this.number(2))
  }

  /** MQTT-1.5.4-1, -2. */
  text(): string {
    let text: string
    try {
      text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.binary())
    } catch (error) {
      if (error instanceof Fault) throw error
      throw malformed('no UTF-8')
    }
    if (text.includes('\0')) throw malformed('U+0000')
    return text
  }

  /** MQTT 5 §2.2.2: which properties may stand there, by identifier; `*` marks the one that may be repeated. */
  properties(allowed: Readonly<Record<number, Kind>>): Map<number, number | string> {
    const found = new Map<number, number | string>()
    const part = new Reader(this.take(this.varint()), 5)
    while (!part.isDone) {
      const id = part.varint()
      const kind = allowed[id]
      if (kind === undefined) throw malformed(`property ${id}`)
      if (found.has(id) && kind !== 'pair') throw protocolError(`property ${id} twice`)
      found.set(id, part.#value(kind))
    }
    return found
  }

  #some(value: number): number {
    if (value === 0) throw protocolError('0')
    return value
  }

  #value(kind: Kind): number | string {
    switch (kind) {
      case 'flag': {
        const flag = this.number(1)
        if (flag > 1) throw protocolError('neither 0 nor 1')
        return flag
      }
      case 'u16':
        return this.number(2)
      case 'u32':
        return this.number(4)
      case 'some16':
        return this.#some(this.number(2))
      case 'some32':
        return this.#some(this.number(4))
      case 'someVarint':
        return this.#some(this.varint())
      case 'text':
        return this.text()
      case 'binary':
        return this.binary().length
      case 'pair':
        return this.text() + this.text()
    }
  }
}

/** `some` is any but 0. */
type Kind = 'flag' | 'u16' | 'u32' | 'some16' | 'some32' | 'someVarint' | 'text' | 'binary' | 'pair'

function readBody(header: number, body: Reader, version: 4 | 5, aliases: number): void {
  const type = header >> 4
  const flags = header & 15
  // Table 2-2 (5), table 2.2 (3.1.1); MQTT-2.1.3-1, MQTT-2.2.2-2.
  const fixed = type === types.pubrel || type === types.subscribe || type === types.unsubscribe ? 2 : 0
  if (type === 0 || (type === types.auth && version === 4)) throw malformed('a reserved type')
  if (type !== types.publish && flags !== fixed) throw malformed('reserved flags')
  switch (type) {
    case types.connect:
      return connect(body)
    case types.publish:
      return publish(flags, body, aliases)
    case types.puback:
    case types.pubrec:
    case types.pubrel:
    case types.pubcomp:
      return acknowledgement(body, type)
    case types.subscribe:
      return subscribe(body)
    case types.unsubscribe:
      return unsubscribe(body)
    case types.pingreq:
      return undefined
    case types.disconnect:
      return disconnect(body)
    case types.auth:
      return auth(body)
    default:
      throw protocolError('a packet that only a server sends')
  }
}

/** §3.1 */
function connect(body: Reader): void {
  if (body.text() !== 'MQTT' || body.number(1) !== body.version) throw new Fault(0x84, 'another protocol')
  const flags = body.number(1)
  const has = (bit: number) => (flags & (1 << bit)) !== 0
  if (has(0)) throw malformed('the reserved flag') // MQTT-3.1.2-3
  const willQos = (flags >> 3) & 3
  if (willQos === 3) throw malformed('a will of QoS 3') // MQTT-3.1.2-12
  if (!has(2) && (willQos !== 0 || has(5))) throw malformed('flags of a will that is none') // MQTT-3.1.2-11, -13
  if (body.version === 4 && has(6) && !has(7)) throw malformed('a password without a user') // 3.1.1: MQTT-3.1.2-22
  body.number(2)
  if (body.version === 5) {
    const found = body.properties({
      0x11: 'u32',
      0x15: 'text',
      0x16: 'binary',
      0x17: 'flag',
      0x19: 'flag',
      0x21: 'some16',
      0x22: 'u16',
      0x26: 'pair',
      0x27: 'some32',
    })
    if (found.has(0x16) && !found.has(0x15)) throw protocolError('authentication data without a method')
  }
  body.text()
  if (has(2)) {
    if (body.version === 5) {
      const will = body.properties({
        0x01: 'flag',
        0x02: 'u32',
        0x03: 'text',
        0x08: 'text',
        0x09: 'binary',
        0x18: 'u32',
        0x26: 'pair',
      })
      if (/[#+]/.test(String(will.get(0x08) ?? ''))) throw protocolError('a wildcard in the response topic') // MQTT-3.3.2-14
    }
    body.text()
    body.binary()
  }
  if (has(7)) body.text()
  if (has(6)) body.binary()
}

/** §3.3 */
function publish(flags: number, body: Reader, aliases: number): void {
  const qos = (flags >> 1) & 3
  if (qos === 3) throw malformed('QoS 3') // MQTT-3.3.1-4
  if (qos === 0 && flags >= 8) throw malformed('DUP at QoS 0') // MQTT-3.3.1-2
  const topic = body.text()
  if (/[#+]/.test(topic)) throw new Fault(0x90, 'a wildcard in a topic') // MQTT-3.3.2-2
  if (qos > 0) packetId(body)
  if (body.version === 4) {
    if (topic === '') throw protocolError('no topic') // MQTT-4.7.3-1
    return void body.rest()
  }
  const found = body.properties({
    0x01: 'flag',
    0x02: 'u32',
    0x03: 'text',
    0x08: 'text',
    0x09: 'binary',
    0x0b: 'someVarint',
    0x23: 'u16',
    0x26: 'pair',
  })
  if (found.has(0x0b)) throw protocolError('a subscription identifier from a client') // MQTT-3.3.4-6
  if (/[#+]/.test(String(found.get(0x08) ?? ''))) throw protocolError('a wildcard in the response topic') // MQTT-3.3.2-14
  const alias = found.get(0x23)
  if (alias === 0 || Number(alias) > aliases) throw new Fault(0x94, 'the topic alias') // MQTT-3.3.2-8, -9
  if (topic === '' && alias === undefined) throw protocolError('neither topic nor alias') // §3.3.2.1
  body.rest()
}

const acknowledgements: Readonly<Record<number, readonly number[]>> = {
  [types.puback]: [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  [types.pubrec]: [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99],
  [types.pubrel]: [0, 0x92],
  [types.pubcomp]: [0, 0x92],
}

/** §3.4 to §3.7 */
function acknowledgement(body: Reader, type: number): void {
  packetId(body)
  if (body.version === 4 || body.isDone) return
  oneOf(body, acknowledgements[type] ?? [])
  if (!body.isDone) body.properties({ 0x1f: 'text', 0x26: 'pair' })
}

/** §3.8 */
function subscribe(body: Reader): void {
  packetId(body)
  if (body.version === 5) body.properties({ 0x0b: 'someVarint', 0x26: 'pair' }) // §3.8.2.1.2
  if (body.isDone) throw protocolError('no filter') // MQTT-3.8.3-2, 3.1.1: MQTT-3.8.3-3
  while (!body.isDone) {
    body.text()
    const options = body.number(1)
    const qos = options & 3
    if (body.version === 4) {
      if (options > 2) throw malformed('QoS 3, or reserved bits') // MQTT-3-8.3-4
      continue
    }
    if (options >= 64) throw malformed('reserved bits') // MQTT-3.8.3-5
    if (qos === 3 || options >> 4 === 3) throw protocolError('QoS 3, or retain handling 3')
  }
}

/** §3.10 */
function unsubscribe(body: Reader): void {
  packetId(body)
  if (body.version === 5) body.properties({ 0x26: 'pair' })
  if (body.isDone) throw protocolError('no filter') // MQTT-3.10.3-2
  while (!body.isDone) body.text()
}

const goodbyes = [...[0, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99]]

/** §3.14 */
function disconnect(body: Reader): void {
  if (body.version === 4 || body.isDone) return
  oneOf(body, goodbyes) // Table 3-10: those that a client sends
  if (!body.isDone) body.properties({ 0x11: 'u32', 0x1c: 'text', 0x1f: 'text', 0x26: 'pair' })
}

/** §3.15. No code means success (§3.15.2.1), which only a server says; the method may not be left out (§3.15.2.2.2). */
function auth(body: Reader): void {
  if (body.isDone) throw protocolError('success from a client')
  oneOf(body, [0x18, 0x19])
  if (body.isDone || !body.properties({ 0x15: 'text', 0x16: 'binary', 0x1f: 'text', 0x26: 'pair' }).has(0x15))
    throw protocolError('no method')
}

/** MQTT-2.2.1-3, 3.1.1: MQTT-2.3.1-1. */
function packetId(body: Reader): void {
  if (body.number(2) === 0) throw protocolError('packet id 0')
}

function oneOf(body: Reader, codes: readonly number[]): void {
  if (!codes.includes(body.number(1))) throw protocolError('a reason code that does not belong there')
}
