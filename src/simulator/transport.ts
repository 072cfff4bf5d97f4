/** How messages leave the simulator. `send` resolves when the receiver has acknowledged, and rejects if it refused or went away. */
export interface Transport {
  send(topic: string, payload: string): Promise<void>
  close(): Promise<void>
}
