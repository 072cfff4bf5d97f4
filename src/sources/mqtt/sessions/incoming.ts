import { blockIds, blockOf } from './id-block.ts'

/** A bit for each id. */
const blockBytes = blockIds / 8

interface Block {
  readonly bits: Uint8Array
  count: number
}

/**
 * Packet ids of QoS 2 messages that were taken and whose sender has not released them yet. They are kept in blocks, each with a record of its
 * own, so that a change costs the same however many ids there are: a client may leave 65,535 of them open.
 */
export class Incoming {
  #size = 0
  readonly #blocks = new Map<number, Block>()
  readonly #changed = new Set<number>()
  /** Blocks that may have a record on disk. */
  readonly #written = new Set<number>()

  get size(): number {
    return this.#size
  }

  has(id: number): boolean {
    const bits = this.#blocks.get(blockOf(id))?.bits
    return bits !== undefined && ((bits[byteOf(id)] as number) & bitOf(id)) !== 0
  }

  add(id: number): void {
    if (this.has(id)) return
    const number = blockOf(id)
    let block = this.#blocks.get(number)
    if (block === undefined) {
      block = { bits: new Uint8Array(blockBytes), count: 0 }
      this.#blocks.set(number, block)
    }
    block.bits[byteOf(id)] = (block.bits[byteOf(id)] as number) | bitOf(id)
    block.count++
    this.#size++
    this.#changed.add(number)
  }

  /** False if it was not there. */
  delete(id: number): boolean {
    const number = blockOf(id)
    const block = this.#blocks.get(number)
    if (block === undefined || !this.has(id)) return false
    block.bits[byteOf(id)] = (block.bits[byteOf(id)] as number) & ~bitOf(id)
    if (--block.count === 0) this.#blocks.delete(number)
    this.#size--
    this.#changed.add(number)
    return true
  }

  *[Symbol.iterator](): Iterator<number> {
    for (const [number, { bits }] of this.#blocks)
      for (let i = 0; i < blockIds; i++)
        if (((bits[byteOf(i)] as number) & bitOf(i)) !== 0) yield number * blockIds + i
  }

  /** The record of each block that has changed since the last call, undefined where nothing of it is left. */
  takeChanged(): (readonly [block: number, record: Uint8Array | undefined])[] {
    const changed = Array.from(this.#changed, (number) => [number, this.#blocks.get(number)?.bits] as const)
    for (const number of this.#changed) this.#written.add(number)
    this.#changed.clear()
    return changed
  }

  /** What was taken has not reached the disk: it counts as changed. */
  writeAgain(): void {
    for (const number of this.#written) this.#changed.add(number)
  }

  /** Blocks that must go from the disk when the session ends. */
  written(): Iterable<number> {
    return this.#written
  }

  /** Puts back a block as its record has it; a record that is none is passed over. */
  restore(block: number, record: Uint8Array): void {
    if (record.length !== blockBytes || !Number.isInteger(block) || block < 0 || block > 65_535 / blockIds)
      return
    for (let i = 0; i < blockIds; i++)
      if (((record[byteOf(i)] as number) & bitOf(i)) !== 0) this.add(block * blockIds + i)
    this.#changed.delete(block)
    this.#written.add(block)
  }
}

function byteOf(id: number): number {
  return (id % blockIds) >> 3
}

function bitOf(id: number): number {
  return 1 << (id & 7)
}
