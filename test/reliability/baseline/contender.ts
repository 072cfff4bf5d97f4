import type { StoredRows } from '../../../src/prove/judge.ts'

/** Takes messages over MQTT and brings them into a database: Sluice, or what a reader would build instead. */
export interface Contender {
  readonly name: string
  readonly port: number
  /** `broker` answers the devices, `subscriber` writes to the database. It ends so and comes back by itself, or is started again after that. */
  hit(part: Part, signal: 'SIGKILL' | 'SIGTERM', downMs: number): Promise<void>
  /** Resolves when nothing more will reach the database. */
  settle(acked: number): Promise<void>
  /** Ends everything, in order. */
  stop(): Promise<void>
  /** What the database holds, once it has stopped. */
  rows(): AsyncIterable<StoredRows>
}

export type Part = 'broker' | 'subscriber'
