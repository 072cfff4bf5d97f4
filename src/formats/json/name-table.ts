// hot: bench/decode
import { ByteTable } from '../../core/byte-table.ts'
import { codeOfBytes } from './members.ts'

/** Names beyond these are read as if they had never stood anywhere, so that senders cannot fill the memory with them. */
const maxNames = 4096
const maxNameBytes = 64

/** The place before the first member of a record. */
export const recordStart = 0

/** A name that is not in the table. */
export const unlisted = -1

/**
 * Names of members that have stood in records, each with a number from 1, and after each the one that followed it last: senders
 * write the same members in the same order, and comparing the bytes with a guess is quicker than finding out what they are.
 */
export class NameTable {
  /** By number: which name followed this one last, 0 if none did. At `recordStart` the first of the last record. */
  readonly next = new Int16Array(maxNames + 1)
  /** By number: the code of the name. */
  readonly codes = new Int8Array(maxNames + 1)
  /** Name n with its closing quote is bytes[starts[n], starts[n + 1]). */
  readonly starts = new Int32Array(maxNames + 2)
  bytes = new Uint8Array(4096)
  readonly #numbers = new ByteTable()
  #size = 0

  /** The number of a name, which is now the one to expect behind `previous`; `unlisted` where there is no room for it. */
  learn(bytes: Uint8Array, from: number, to: number, previous: number): number {
    if (to - from > maxNameBytes) return unlisted
    let number = this.#numbers.get(bytes, from, to)
    if (number < 0) number = this.#add(bytes, from, to)
    if (number > 0 && previous >= 0) this.next[previous] = number
    return number
  }

  #add(bytes: Uint8Array, from: number, to: number): number {
    if (this.#size === maxNames) return unlisted
    const number = ++this.#size
    const start = this.starts[number] as number
    const end = start + to - from + 1
    if (end > this.bytes.length) {
      const larger = new Uint8Array(this.bytes.length * 2)
      larger.set(this.bytes)
      this.bytes = larger
    }
    for (let i = from; i < to; i++) this.bytes[start + i - from] = bytes[i] as number
    this.bytes[end - 1] = 0x22
    this.starts[number + 1] = end
    this.codes[number] = codeOfBytes(bytes, from, to)
    this.#numbers.put(bytes, from, to, number)
    return number
  }
}
