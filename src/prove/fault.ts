import type { OwnServer, OwnServerOptions } from './own-server.ts'

/** How often each thing was done to the server, by its name: `{ kills: 1, duringRecovery: 1 }`. Summed up over all attempts. */
export type FaultCounts = Readonly<Record<string, number>>

export interface FaultReport {
  readonly counts: FaultCounts
  /** What the server did that it must not: the run is not ok. */
  readonly violations?: readonly string[]
}

/**
 * Something that is done to the server while the fleet sends. `inject` is one attempt; the runner repeats it, in turn with the other
 * faults and with pauses in between, until the time is over.
 *
 * A fault begins with a server that is ready, and leaves one: it starts the server again where it has ended it, and waits until it takes
 * records again where it has not. `OwnServer.start` holds the fleet back until the server is ready, and compares what the log came back
 * with to what was acknowledged; a fault need not know of either.
 */
export interface Fault {
  readonly name: string
  /** Why it cannot be done here, or undefined. Asked before anything is started. */
  unavailable?(): Promise<string | undefined>
  /** The server with what the fault needs of it, such as variables of its environment. Called once, before the first start. */
  prepare?(server: OwnServerOptions): Promise<OwnServerOptions>
  /**
   * @param random In [0, 1), from the seed of the run: the only chance that a fault takes.
   * @param signal The run is given up: undo what was done and return soon. The server may be left as it is.
   */
  inject(server: OwnServer, random: () => number, signal: AbortSignal): Promise<FaultReport>
  /** Called once at the end, in any case, after the server has ended. */
  close?(): Promise<void>
}
