/** What one remote address has done. */
export interface AddressCounters {
  /** Open now. */
  connections: number
  /** Connections refused because it has too many. */
  refused: number
  /** Connections that a malformed packet has ended. */
  malformed: number
}

/** The same for people. */
export interface AddressReport extends Readonly<AddressCounters> {
  readonly address: string
}

const maxRemembered = 4096

/** Counts per remote address. Addresses without a connection are forgotten, oldest first, when there are too many. */
export class Addresses {
  readonly #byAddress = new Map<string, AddressCounters>()

  of(address: string): AddressCounters {
    const known = this.#byAddress.get(address)
    if (known !== undefined) return known
    if (this.#byAddress.size >= maxRemembered) this.#forgetOne()
    const fresh = { connections: 0, refused: 0, malformed: 0 }
    this.#byAddress.set(address, fresh)
    return fresh
  }

  /** Those that make the most trouble first, then those with the most connections; at most `limit`. */
  top(limit: number): AddressReport[] {
    const reports = [...this.#byAddress].map(([address, counters]) => ({ address, ...counters }))
    const trouble = ({ refused, malformed }: AddressCounters) => refused + malformed
    return reports.sort((a, b) => trouble(b) - trouble(a) || b.connections - a.connections).slice(0, limit)
  }

  #forgetOne(): void {
    for (const [address, counters] of this.#byAddress) {
      if (counters.connections > 0) continue
      this.#byAddress.delete(address)
      return
    }
  }
}
