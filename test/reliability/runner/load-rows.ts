import { valueStem } from '../../../bench/load/packet-ring.ts'
import { valueTail } from '../../../bench/load/payload-forms.ts'
import type { StoredRows } from '../../../src/prove/judge.ts'

/** A run of bench/load over a store, in the form f5. */
export interface LoadShape {
  readonly baseSeconds: number
  readonly connections: number
  readonly topics: number
  /** Whether that message of a buffer was a good one; all are if not given. */
  readonly isGood?: (connection: number, slot: number) => boolean
}

/** What a store holds of loads. */
export interface LoadVerdict {
  readonly rows: number
  /** Different messages that were sent, with what they said. */
  readonly right: number
  readonly duplicates: number
  /** Rows of no message that could have been sent, or with another value. */
  readonly strange: number
}

/**
 * Tells of every row which message of the loads it was: times name the load, the turn and the place in the buffer, and with them the value
 * (bench/load/packet-ring.ts). Where all were acknowledged and `right` is their number, none is lost.
 */
export async function judgeLoads(
  loads: readonly LoadShape[],
  stored: AsyncIterable<StoredRows>,
): Promise<LoadVerdict> {
  const newestFirst = loads.toSorted((a, b) => b.baseSeconds - a.baseSeconds)
  const seen = newestFirst.map((load) => Array.from({ length: load.connections }, () => new Bits()))
  const verdict = { rows: 0, right: 0, duplicates: 0, strange: 0 }
  for await (const { length, device, metric, time, value } of stored) {
    verdict.rows += length
    for (let i = 0; i < length; i++) {
      const seconds = (time[i] ?? 0) / 1e6
      const index = newestFirst.findIndex(({ baseSeconds }) => seconds >= baseSeconds)
      const load = newestFirst[index]
      const connection = Number(/^load-(\d+)$/.exec(device[i] ?? '')?.[1])
      const place = Math.round((seconds - (load?.baseSeconds ?? 0)) * 1000)
      const [turn, slot] = [Math.floor(place / 1000), place % 1000]
      const bits = seen[index]?.[connection]
      const isTopic = metric[i] === `tag-${String(slot % (load?.topics ?? 1)).padStart(3, '0')}`
      const isSent = load !== undefined && isTopic && load.isGood?.(connection, slot) !== false
      if (bits === undefined || !isSent || value[i] !== Number(`${valueStem(turn)}.${valueTail(slot)}`))
        verdict.strange++
      else if (bits.add(place)) verdict.right++
      else verdict.duplicates++
    }
  }
  return verdict
}

/** A set of whole numbers that lie close together. */
class Bits {
  #bytes = new Uint8Array(1024)

  /** False if it was there. */
  add(number: number): boolean {
    const at = number >>> 3
    if (at >= this.#bytes.length) {
      const larger = new Uint8Array(Math.max(at + 1, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes = larger
    }
    const bit = 1 << (number & 7)
    if (((this.#bytes[at] ?? 0) & bit) !== 0) return false
    this.#bytes[at] = (this.#bytes[at] ?? 0) | bit
    return true
  }
}
