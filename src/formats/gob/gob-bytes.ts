import { RecordFault } from '../record-fault.ts'

export function undecodable(reason: string): RecordFault {
  return new RecordFault('undecodable', undefined, reason)
}

/**
 * The numbers and blocks that gob is made of:
 *
 *     uint    below 128 one byte; else 256 - count, then count bytes, the highest first
 *     int     uint whose lowest bit says that the others are complemented
 *     float   uint of the eight bytes of the double, turned round
 *     block   uint, then so many bytes
 *
 * Integers that a double does not hold are bigints. Every read throws a `RecordFault` where the bytes end too early.
 */
export class GobBytes {
  readonly #bytes: Uint8Array
  at: number
  /** End of what may be read now. */
  to: number

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes
    this.at = from
    this.to = to
  }

  byte(): number {
    if (this.at >= this.to) throw undecodable('the gob is cut off')
    return this.#bytes[this.at++] as number
  }

  uint(): number | bigint {
    return plain(this.#uint64())
  }

  int(): number | bigint {
    const bits = this.#uint64()
    return plain((bits & 1n) === 1n ? -(bits >> 1n) - 1n : bits >> 1n)
  }

  float(): number {
    floatView.setBigUint64(0, this.#uint64(), true)
    return floatView.getFloat64(0)
  }

  /** A number of things of which each has a byte at least. */
  count(): number {
    const count = this.#uint64()
    if (count > BigInt(this.to - this.at)) throw undecodable('the gob is cut off')
    return Number(count)
  }

  /** The number of a type; below 0, its description follows. */
  typeId(): number {
    const id = this.int()
    if (typeof id === 'bigint' || Math.abs(id) > 2 ** 31) throw undecodable('the gob has an impossible type')
    return id
  }

  block(): Uint8Array {
    const size = this.count()
    this.at += size
    return this.#bytes.subarray(this.at - size, this.at)
  }

  text(): string {
    try {
      return decoder.decode(this.block())
    } catch (error) {
      if (error instanceof RecordFault) throw error
      throw undecodable('a text of the gob is not UTF-8')
    }
  }

  #uint64(): bigint {
    const first = this.byte()
    if (first < 128) return BigInt(first)
    const count = 256 - first
    if (count > 8) throw undecodable('a number of the gob has more than eight bytes')
    let value = 0n
    for (let i = 0; i < count; i++) value = (value << 8n) | BigInt(this.byte())
    return value
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const floatView = new DataView(new ArrayBuffer(8))

function plain(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
