import type { Intake } from './intake.ts'

/** Where records come from. `run` listens or polls until the signal aborts, then stops accepting, lets acknowledgements drain and returns. */
export interface Source {
  readonly name: string
  run(intake: Intake, signal: AbortSignal): Promise<void>
}

/** The way towards a device: commands and notices. A gateway implements it. */
export interface Downlink {
  send(device: string, topic: string, payload: Uint8Array): void
}
