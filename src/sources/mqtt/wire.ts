/** The byte pipe under a connection: TCP today; TLS and WebSocket fit the same shape. */
export interface Wire {
  readonly remoteAddress: string
  /** Sends bytes that nobody changes afterwards. `done` runs when the system has taken them; not after the wire broke. */
  write(bytes: Uint8Array, done: () => void): void
  /** Stops and restarts `received` and `ended`; bytes on their way may still come. */
  pause(): void
  resume(): void
  /** Finishes our side once everything written has left, and goes away soon after even if the peer stays. */
  end(): void
  /** Goes away now; what was written may be lost. */
  destroy(): void
}

/** What a wire tells its connection. `closed` comes once, last, whatever happened. */
export interface WireListener {
  /** The bytes are only this call's: whoever keeps some copies them. */
  received(bytes: Uint8Array): void
  /** The peer will send nothing more. */
  ended(): void
  closed(): void
}
