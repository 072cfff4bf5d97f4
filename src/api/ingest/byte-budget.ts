/** Bytes that may be held at once, shared by everybody who holds some. Whoever finds no room waits in line. */
export class ByteBudget {
  readonly #max: number
  readonly #waiting: { readonly bytes: number; readonly enter: (hasRoom: boolean) => void }[] = []
  #held = 0

  /** A single reservation must not be larger than `max`. */
  constructor(max: number) {
    this.#max = max
  }

  get held(): number {
    return this.#held
  }

  /** Reserves bytes: true at once where there is room, else a promise of whether there was within `withinMs`. */
  reserve(bytes: number, withinMs: number): true | Promise<boolean> {
    if (this.#waiting.length === 0 && this.#held + bytes <= this.#max) {
      this.#held += bytes
      return true
    }
    return new Promise((resolve) => {
      const waiter = {
        bytes,
        enter: (hasRoom: boolean) => {
          clearTimeout(timer)
          resolve(hasRoom)
        },
      }
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1)
        waiter.enter(false)
        // A smaller one behind it may fit.
        this.#admit()
      }, withinMs)
      this.#waiting.push(waiter)
    })
  }

  /** Gives reserved bytes back. */
  release(bytes: number): void {
    this.#held -= bytes
    this.#admit()
  }

  #admit(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || this.#held + next.bytes > this.#max) return
      this.#waiting.shift()
      this.#held += next.bytes
      next.enter(true)
    }
  }
}
