// hot: bench/load
import { type FormName, forms, Sheet, stemWidth } from './payload-forms.ts'

export interface PacketRingOptions {
  readonly form: FormName
  /** Number of the connection: it names the devices. */
  readonly connection: number
  readonly topics: number
  /** Elements of an array payload. */
  readonly elements: number
  /** At most about this many messages unacknowledged; fewer where they are large. */
  readonly window: number
  /** Seconds since 1970 of the first message. */
  readonly baseSeconds: number
  /** The payload of a message in its place that nobody can take, by connection and place in the buffer; undefined for the others. */
  readonly spoil?: (connection: number, slot: number) => Uint8Array | undefined
}

/**
 * PUBLISH packets (QoS 1) of one connection, built once and patched in place ever after.
 *
 *   buffer k mod B:  | 32 len topic id payload | 32 len topic id payload | …   S packets
 *                                   {"v":VVVVV.123,"q":"good","ts":TTTTTTTTTT001}
 *
 * The packet id belongs to the place in the ring, so it comes back only after B × S messages, and a buffer is used again only when
 * all of it is acknowledged. VVVVV and TTTTTTTTTT (whole seconds, one more for every buffer sent) are all that changes, so times
 * ascend strictly in every series and no two messages of a connection share one (F1 apart, whose clock counts seconds).
 */
export class PacketRing {
  /** S: packets a buffer. */
  readonly slots: number
  /** B. */
  readonly buffers: number
  /** Rows that a message becomes. */
  readonly rowsPerMessage: number
  readonly #bytes: Buffer[] = []
  /** Byte where each packet ends; the same in every buffer. */
  readonly #ends: Uint32Array
  readonly #times: Uint32Array
  readonly #values: Uint32Array
  readonly #stem: (seconds: number) => string
  readonly #stems: Buffer[] = []
  readonly #baseSeconds: number
  /** Spoiled messages of a buffer before each slot. */
  readonly #spoiled: Uint32Array

  constructor(options: PacketRingOptions) {
    const form = forms[options.form]
    const packets = (id: number, slot: number) => buildPacket(options, id, slot)
    const { bytes: first } = packets(1, 0)
    const window = Math.max(2 * options.topics, Math.min(options.window, maxRingBytes / first.length))
    const most = Math.floor(Math.min(999, 1e6 / options.elements, window / 2))
    if (options.topics > most) throw new RangeError(`at most ${most} topics a connection with these options`)
    const repeats = form.oncePerSecond
      ? 1
      : Math.max(1, Math.floor(Math.min(most, maxBufferBytes / first.length) / options.topics))
    this.slots = options.topics * repeats
    this.buffers = Math.max(2, Math.min(Math.floor(window / this.slots), Math.floor(65_535 / this.slots)))
    this.rowsPerMessage = rowsPerMessage(options)
    this.#baseSeconds = options.baseSeconds
    this.#spoiled = new Uint32Array(this.slots + 1)
    for (let slot = 0; slot < this.slots; slot++) {
      const isSpoiled = options.spoil?.(options.connection, slot) !== undefined
      this.#spoiled[slot + 1] = (this.#spoiled[slot] as number) + (isSpoiled ? 1 : 0)
    }
    this.#stem = form.stem === 'seconds' ? String : rfc3339Seconds
    const ends: number[] = []
    const times: number[] = []
    const values: number[] = []
    for (let buffer = 0; buffer < this.buffers; buffer++) {
      const parts: Uint8Array[] = []
      let at = 0
      for (let slot = 0; slot < this.slots; slot++) {
        const packet = packets(buffer * this.slots + slot + 1, slot)
        parts.push(packet.bytes)
        if (buffer === 0) {
          for (const place of packet.times) times.push(at + place)
          for (const place of packet.values) values.push(at + place)
          ends.push(at + packet.bytes.length)
        }
        at += packet.bytes.length
      }
      this.#bytes.push(Buffer.concat(parts))
      this.#stems.push(Buffer.alloc(stemWidth[form.stem]))
    }
    this.#ends = Uint32Array.from(ends)
    this.#times = Uint32Array.from(times)
    this.#values = Uint32Array.from(values)
  }

  /** Gives buffer `turn` (counted from 0 for ever) the times and values of that turn. */
  fill(turn: number): void {
    const bytes = this.#bytes[turn % this.buffers] as Buffer
    const old = this.#stems[turn % this.buffers] as Buffer
    const stem = Buffer.from(this.#stem(this.#baseSeconds + turn))
    let same = 0
    while (same < stem.length && stem[same] === old[same]) same++
    old.set(stem)
    patch(bytes, this.#times, stem, same)
    patch(bytes, this.#values, Buffer.from(String(valueStem(turn))), 0)
  }

  /** How many of the first so many messages are spoiled. */
  spoiledOf(messages: number): number {
    const turns = Math.floor(messages / this.slots)
    const a = this.#spoiled
    return turns * (a[this.slots] as number) + (a[messages % this.slots] as number)
  }

  /** Packets [from, to) of buffer `turn`. */
  packets(turn: number, from: number, to: number): Buffer {
    const start = from === 0 ? 0 : (this.#ends[from - 1] as number)
    return (this.#bytes[turn % this.buffers] as Buffer).subarray(start, this.#ends[to - 1])
  }
}

/** So that large arrays do not pile up on the way; two of each topic always go. */
const maxRingBytes = 4 * 1024 * 1024
/** 64 KiB is what one read of the other side takes. */
const maxBufferBytes = 64 * 1024

/** Digits that jump about, so that stored columns are no straight lines: what stands before the point in turn `turn`. */
export function valueStem(turn: number): number {
  return 10_000 + ((turn * 7_919) % 90_000)
}

function patch(bytes: Buffer, places: Uint32Array, stem: Buffer, from: number): void {
  const width = stem.length
  for (let i = 0; i < places.length; i++) {
    const place = places[i] as number
    for (let j = from; j < width; j++) bytes[place + j] = stem[j] as number
  }
}

function rfc3339Seconds(seconds: number): string {
  return new Date(seconds * 1000).toISOString().slice(0, 19)
}

function rowsPerMessage(options: PacketRingOptions): number {
  const sheet = new Sheet(forms[options.form].stem)
  forms[options.form].write(sheet, { connection: 0, topic: 0, slot: 0, elements: options.elements })
  return sheet.values.length
}

interface Packet {
  readonly bytes: Buffer
  readonly times: readonly number[]
  readonly values: readonly number[]
}

/** MQTT 3.1.1 §3.3: fixed header 0x32 (PUBLISH, QoS 1), remaining length, topic, packet id, payload. */
function buildPacket(options: PacketRingOptions, id: number, slot: number): Packet {
  const form = forms[options.form]
  const topicNumber = slot % options.topics
  const topic = Buffer.from(form.topic(options.connection, topicNumber))
  const sheet = new Sheet(form.stem)
  const { connection, elements } = options
  form.write(sheet, { connection, topic: topicNumber, slot, elements })
  const spoiled = options.spoil?.(connection, slot)
  const payload = spoiled ?? Buffer.from(sheet.toString())
  const length = remainingLength(2 + topic.length + 2 + payload.length)
  const start = 1 + length.length + 2 + topic.length + 2
  return {
    bytes: Buffer.concat([
      Buffer.from([0x32, ...length, topic.length >> 8, topic.length & 0xff]),
      topic,
      Buffer.from([id >> 8, id & 0xff]),
      payload,
    ]),
    times: spoiled ? [] : sheet.times.map((place) => start + place),
    values: spoiled ? [] : sheet.values.map((place) => start + place),
  }
}

/** MQTT 3.1.1 §2.2.3: seven bits a byte, lowest first, the top bit says "more". */
export function remainingLength(length: number): number[] {
  const bytes: number[] = []
  let rest = length
  do {
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
    rest >>>= 7
  } while (rest > 0)
  return bytes
}
