/** What one remote address has done. */
export interface AddressCounters {
  connections: number
  refused: number
  malformed: number
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

  entries(): IterableIterator<[string, Readonly<AddressCounters>]> {
    return this.#byAddress.entries()
  }

  #forgetOne(): void {
    for (const [address, counters] of this.#byAddress) {
      if (counters.connections > 0) continue
      this.#byAddress.delete(address)
      return
    }
  }
}
