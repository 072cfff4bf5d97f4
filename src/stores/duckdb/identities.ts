// hot: bench/upsert
import { byNumber, type Readings } from '../../core/batch.ts'
import { fastLane, type Lanes, upsertLane } from './lanes.ts'

/**
 * The rows of a batch that take the upsert lane, grouped by identity: (series, time, ordinal), ordinal being the number
 * where the row's identity is by number. A fast row of the same batch with the same identity joins its group and leaves the fast lane.
 */
export class Identities {
  /** Number of groups. */
  size = 0
  /** The row with the highest number of each group. */
  readonly winner: Uint32Array
  readonly #batch: Readings
  readonly #own: Uint32Array
  /** Group + 1 by hash; 0 is empty. */
  readonly #slots: Int32Array
  /** Another row of the same group + 1; 0 ends the chain. By row, starting at the winner. */
  readonly #next: Int32Array

  constructor(batch: Readings, lanes: Lanes) {
    this.#batch = batch
    this.#own = lanes.own
    let slots = 16
    while (slots < lanes.upserts * 2) slots *= 2
    this.#slots = new Int32Array(slots)
    this.winner = new Uint32Array(lanes.upserts)
    this.#next = new Int32Array(batch.length)
    const { lane } = lanes
    for (let i = 0; i < batch.length; i++) if (lane[i] === upsertLane) this.#add(i)
    for (let i = 0; i < batch.length; i++) if (lane[i] === fastLane && this.#join(i)) lane[i] = upsertLane
  }

  /** Rows of a group. */
  rows(group: number): number {
    return this.above(group, -Infinity)
  }

  /** How many rows of a group have a number above batch.base + `known`. */
  above(group: number, known: number): number {
    let above = 0
    for (let i = this.winner[group] as number; i >= 0; i = (this.#next[i] as number) - 1) {
      if (this.#offset(i) > known) above++
    }
    return above
  }

  #add(i: number): void {
    const slot = this.#find(i)
    const group = (this.#slots[slot] as number) - 1
    if (group >= 0) this.#chain(group, i)
    else {
      this.winner[this.size] = i
      this.#slots[slot] = ++this.size
    }
  }

  #join(i: number): boolean {
    const group = (this.#slots[this.#find(i)] as number) - 1
    if (group < 0) return false
    this.#chain(group, i)
    return true
  }

  #chain(group: number, i: number): void {
    const winner = this.winner[group] as number
    if (this.#offset(i) > this.#offset(winner)) {
      this.#next[i] = winner + 1
      this.winner[group] = i
    } else {
      this.#next[i] = this.#next[winner] as number
      this.#next[winner] = i + 1
    }
  }

  /** The slot of the row's identity, or the empty one where it belongs. */
  #find(i: number): number {
    const { time, flags } = this.#batch
    const own = this.#own[i] as number
    const t = time[i] as number
    const kind = (flags[i] as number) & byNumber
    const mask = this.#slots.length - 1
    let slot = hash(own, t) & mask
    for (;;) {
      const group = (this.#slots[slot] as number) - 1
      if (group < 0) return slot
      const other = this.winner[group] as number
      if (
        time[other] === t &&
        this.#own[other] === own &&
        ((flags[other] as number) & byNumber) === kind &&
        (kind === 0 || this.#offset(other) === this.#offset(i))
      ) {
        return slot
      }
      slot = (slot + 1) & mask
    }
  }

  #offset(i: number): number {
    const { row } = this.#batch
    return row === undefined ? i : (row[i] as number)
  }
}

function hash(own: number, time: number): number {
  let h =
    Math.imul(own, 0x9e3779b1) ^ Math.imul(time / 4096, 0x85ebca6b) ^ Math.imul(time % 4294967296, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  return h ^ (h >>> 13)
}
