/** How often a name came, and with how many bytes. */
export interface Frequency {
  readonly name: string
  readonly count: number
  readonly bytes: number
}

/**
 * The most frequent of any number of names in bounded memory (Misra and Gries, 1982): exact up to `capacity` names; with more of
 * them a count may be too low, by at most one part in `capacity / 2` of all that came.
 */
export class FrequentNames {
  readonly #capacity: number
  #counters = new Map<string, { count: number; bytes: number }>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  add(name: string, count: number, bytes: number): void {
    const counter = this.#counters.get(name)
    if (counter !== undefined) {
      counter.count += count
      counter.bytes += bytes
      return
    }
    if (this.#counters.size >= this.#capacity) this.#forgetHalf()
    this.#counters.set(name, { count, bytes })
  }

  /** The most frequent first. */
  top(limit: number): Frequency[] {
    return [...this.#counters]
      .map(([name, { count, bytes }]) => ({ name, count, bytes }))
      .sort((a, b) => b.count - a.count || b.bytes - a.bytes)
      .slice(0, limit)
  }

  /** Takes the median from every count: half of them or more are gone, and nobody's place among the rest changes. */
  #forgetHalf(): void {
    const counts = [...this.#counters.values()].map(({ count }) => count).sort((a, b) => a - b)
    const median = counts[counts.length >> 1] ?? 0
    for (const [name, counter] of this.#counters) {
      if (counter.count <= median) this.#counters.delete(name)
      else {
        counter.bytes *= 1 - median / counter.count
        counter.count -= median
      }
    }
  }
}
