import type { AssemblyBudget, BudgetHolder } from './assembly-budget.ts'

/**
 * Gathers one packet that arrives over several reads. Each byte is copied once into a buffer that doubles towards the
 * packet's size, so a sender that declares 4 MiB and sends ten bytes costs ten bytes, and one that sends byte by byte costs linear time.
 */
export class Assembly implements BudgetHolder {
  #bytes: Uint8Array<ArrayBuffer> = none
  #have = 0
  #number = 0
  readonly #budget: AssemblyBudget
  readonly giveUp: () => void
  #size = 0 // of the whole packet, 0 until its length is known

  constructor(budget: AssemblyBudget, giveUp: () => void) {
    this.#budget = budget
    this.giveUp = giveUp
  }

  /** The number of the packet that is being gathered, each has another; 0: none is. */
  get unfinished(): number {
    return this.#have > 0 ? this.#number : 0
  }

  get pending(): boolean {
    return this.#have > 0
  }

  /** What was gathered: look at [0, have). */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  get have(): number {
    return this.#have
  }

  /** Enough is there to look at: the whole packet, or a length that can never be right. */
  get ready(): boolean {
    return this.#size !== 0 && (this.#have >= this.#size || this.#size > this.#maxBytes)
  }

  #maxBytes = 0

  /** Takes from chunk[from, to) what the packet still lacks; returns where the rest starts. */
  fill(chunk: Uint8Array, from: number, to: number, maxBytes: number): number {
    this.#maxBytes = maxBytes
    let at = from
    if (this.#have === 0) this.#number++
    while (this.#size === 0 && at < to) {
      this.#reserve(this.#have + 1)
      this.#bytes[this.#have++] = chunk[at++] as number
      this.#size = packetSize(this.#bytes, this.#have)
    }
    if (this.#size === 0 || this.ready) return at
    const count = Math.min(this.#size - this.#have, to - at)
    this.#reserve(this.#have + count)
    this.#bytes.set(chunk.subarray(at, at + count), this.#have)
    this.#have += count
    return at + count
  }

  clear(): void {
    if (this.#bytes.length > keepBytes) this.#bytes = none
    this.#have = 0
    this.#size = 0
    this.#budget.hold(this, this.#bytes.length)
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return
    const wanted = Math.max(bytes, this.#bytes.length * 2, 64)
    const larger = new Uint8Array(this.#size === 0 ? wanted : Math.max(bytes, Math.min(wanted, this.#size)))
    larger.set(this.#bytes.subarray(0, this.#have))
    this.#bytes = larger
    this.#budget.hold(this, larger.length)
  }
}

const none = new Uint8Array(0)
const keepBytes = 4096

/** Size of the packet whose first bytes these are: 0 if not known yet, Infinity if its length is malformed. */
function packetSize(bytes: Uint8Array, have: number): number {
  let length = 0
  for (let i = 1; i < have; i++) {
    const byte = bytes[i] as number
    length |= (byte & 127) << (7 * (i - 1))
    if (byte < 128) return i + 1 + length
    if (i === 4) return Number.POSITIVE_INFINITY
  }
  return 0
}
