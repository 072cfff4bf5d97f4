/** What one remote address has done. */
export interface AddressCounters {
  /** Open now. */
  connections: number
  /** TLS handshakes under way. */
  handshakes: number
  /** Connections refused because it has too many. */
  refused: number
  /** Connections that a malformed packet has ended. */
  malformed: number
  /** TLS handshakes that came to nothing. */
  failedHandshakes: number
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
    const fresh = { connections: 0, handshakes: 0, refused: 0, malformed: 0, failedHandshakes: 0 }
    this.#byAddress.set(address, fresh)
    return fresh
  }

  /** Those that make the most trouble first, then those with the most connections; at most `limit`. */
  top(limit: number): AddressReport[] {
    const reports = [...this.#byAddress].map(([address, counters]) => ({ address, ...counters }))
    const trouble = ({ refused, malformed, failedHandshakes }: AddressCounters) =>
      refused + malformed + failedHandshakes
    return reports.sort((a, b) => trouble(b) - trouble(a) || b.connections - a.connections).slice(0, limit)
  }

  #forgetOne(): void {
    for (const [address, counters] of this.#byAddress) {
      if (counters.connections + counters.handshakes > 0) continue
      this.#byAddress.delete(address)
      return
    }
  }
}
