// hot: bench/decode
import { RecordFault } from '../record-fault.ts'

/** How the value behind a tag is written (protobuf.dev/programming-guides/encoding). */
export const wireType = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

/** A double is copied there: a view of each payload would cost more. */
const eight = new Uint8Array(8)
const eightView = new DataView(eight.buffer)

/**
 * Walks the fields of one protobuf message:
 *
 *     tag = field << 3 | wire type    a varint: seven bits a byte, the lowest first, 0x80 says that more follow
 *     0 varint   1 fixed64: 8 bytes, little endian   2 bytes: their number as a varint, then they   5 fixed32
 *
 * One reader serves message after message (`begin`), and makes no object or string. Where the message ends too early or is none,
 * every read throws a `RecordFault`.
 */
export class WireReader {
  #bytes: Uint8Array = new Uint8Array(0)
  /** Where the next byte is read. */
  at = 0
  to = 0
  /** Of the tag read last. */
  field = 0
  type = 0
  /** The varint read last, as two halves of 32 bits. */
  low = 0
  high = 0
  /** The bytes found last. */
  from = 0
  end = 0

  begin(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes
    this.at = from
    this.to = to
  }

  /** Reads the next tag; false at the end of the message. */
  next(): boolean {
    if (this.at >= this.to) return false
    const tag = this.#bytes[this.at] as number
    if (tag < 0x80) {
      this.at++
      this.field = tag >>> 3
      this.type = tag & 7
    } else {
      this.varint()
      if (this.high !== 0) throw undecodable('a tag is too large')
      this.field = this.low >>> 3
      this.type = this.low & 7
    }
    if (this.field === 0) throw undecodable('there is no field 0')
    return true
  }

  /** Reads a varint into `low` and `high`. */
  varint(): void {
    const bytes = this.#bytes
    const to = this.to
    let at = this.at
    let low = 0
    let high = 0
    for (let shift = 0; ; shift += 7) {
      if (at >= to) throw undecodable('the message is cut off')
      const byte = bytes[at++] as number
      const bits = byte & 0x7f
      if (shift < 28) low |= bits << shift
      else if (shift === 28) {
        low |= bits << 28
        high = bits >>> 4
      } else high |= bits << (shift - 32)
      if (byte < 0x80) break
      if (shift === 63) throw undecodable('a varint has more than ten bytes')
    }
    this.at = at
    this.low = low
    this.high = high
  }

  /** Finds the bytes of a field: [from, end). */
  block(): void {
    let at = this.at
    let size = at < this.to ? (this.#bytes[at++] as number) : 0x80
    if (size >= 0x80) {
      this.varint()
      at = this.at
      size = this.high === 0 ? this.low >>> 0 : Number.POSITIVE_INFINITY
    }
    if (size > this.to - at) throw undecodable('the message is cut off')
    this.from = at
    this.end = this.at = at + size
  }

  double(): number {
    const at = this.at
    this.#pass(8)
    for (let i = 0; i < 8; i++) eight[i] = this.#bytes[at + i] as number
    return eightView.getFloat64(0, true)
  }

  /** Passes over the value of the tag read last. */
  skip(): void {
    switch (this.type) {
      case wireType.varint:
        this.varint()
        break
      case wireType.fixed64:
        this.#pass(8)
        break
      case wireType.bytes:
        this.block()
        break
      case wireType.fixed32:
        this.#pass(4)
        break
      default: // 3 and 4 are the groups of proto2, 6 and 7 nothing
        throw undecodable(`field ${this.field} has wire type ${this.type}`)
    }
  }

  #pass(size: number): void {
    if (size > this.to - this.at) throw undecodable('the message is cut off')
    this.at += size
  }
}

/** The signed integer of two halves; beyond 2^53 it is rounded. */
export function int64(high: number, low: number): number {
  return (high | 0) * 0x1_0000_0000 + (low >>> 0)
}

/** The same with every digit. */
export function exactInt64(high: number, low: number): bigint {
  return (BigInt(high | 0) << 32n) | BigInt(low >>> 0)
}

function undecodable(reason: string): RecordFault {
  return new RecordFault('undecodable', undefined, reason)
}
