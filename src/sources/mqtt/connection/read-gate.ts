import type { Wire } from './wire.ts'

/** Why a wire is not read for a while: the intake is full, the peer does not read, its session is not on disk yet, it sends too fast. */
export type PauseReason = keyof typeof bits

const bits = { room: 1, outbound: 2, session: 4, rate: 8 } as const

/** Stops a wire while there is any reason to, and lets it go on when the last one is gone. */
export class ReadGate {
  readonly #wire: Wire
  #reasons = 0
  #then: (() => void) | undefined

  constructor(wire: Wire) {
    this.#wire = wire
  }

  get paused(): boolean {
    return this.#reasons !== 0
  }

  isPausedBy(reason: PauseReason): boolean {
    return (this.#reasons & bits[reason]) !== 0
  }

  pause(reason: PauseReason): void {
    if (this.#reasons === 0) this.#wire.pause()
    this.#reasons |= bits[reason]
  }

  /** True if that was the last reason: the wire is read again. */
  goOn(reason: PauseReason): boolean {
    if ((this.#reasons & bits[reason]) === 0) return false
    this.#reasons &= ~bits[reason]
    if (this.#reasons !== 0) return false
    this.#wire.resume()
    this.#then?.()
    return true
  }

  /** Runs when what came before has been taken: at once, or when the wire is read again. Once in a connection's life. */
  afterwards(run: () => void): void {
    if (this.paused) this.#then = run
    else run()
  }
}
