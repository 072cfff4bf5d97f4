/** Something unfinished that takes of the budget. */
export interface BudgetHolder {
  /** It has been passed over for younger ones: what it holds is given back already, and its connection is to end. */
  giveUp(): void
}

/** Unfinished packets up to here are free; only larger ones take of the budget. */
const smallBytes = 16 * 1024

/** Bytes of unfinished packets that are large, of all connections. */
export class AssemblyBudget {
  readonly #maxBytes: number
  #bytes = 0
  /** In the order in which they became large. */
  readonly #shares = new Map<BudgetHolder, number>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** The holder has so many bytes from now on. */
  hold(holder: BudgetHolder, bytes: number): void {
    const share = bytes > smallBytes ? bytes : 0
    this.#bytes += share - (this.#shares.get(holder) ?? 0)
    if (share > 0) this.#shares.set(holder, share)
    else this.#shares.delete(holder)
  }

  /** The oldest give up until the rest fits: those who begin a packet and never end it must not lock out everybody else. */
  makeRoom(): void {
    for (const holder of this.#shares.keys()) {
      if (this.#bytes <= this.#maxBytes) return
      this.hold(holder, 0)
      holder.giveUp()
    }
  }
}
