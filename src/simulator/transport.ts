import { reasonOf } from '../lib/reason.ts'

/** How messages leave the simulator. `send` resolves when the receiver has acknowledged, and rejects if it refused or went away. */
export interface Transport {
  send(topic: string, payload: string): Promise<void>
  close(): Promise<void>
}

/** For whoever started a fleet: what was tried, and what to do. */
export function nobodyAt(url: string, error: unknown): Error {
  return new Error(
    `no Sluice answers at ${url} (${reasonOf(error)}); is it running? Name another with --url`,
    {
      cause: error,
    },
  )
}
