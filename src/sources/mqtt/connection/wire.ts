/** The byte pipe under a connection: TCP, TLS or WebSocket. */
export interface Wire {
  readonly remoteAddress: string
  /** What the peer has proved to be at the TLS door. */
  readonly certificate?: ClientCertificate
  /** Over WebSocket: the number of the frame that is unfinished, each has another; 0: none is. */
  readonly unfinishedFrame?: () => number
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

/** A client certificate that an authority of ours has signed, and whose key the peer holds. */
export interface ClientCertificate {
  /** One attribute a line, such as `O=Works\nCN=pump1`, escaped as node:crypto does it. */
  readonly subject: string
  /** Its one common name; undefined where there is none, or more than one. */
  readonly commonName: string | undefined
  /** SHA-256 of the certificate, in hexadecimal digits with colons. */
  readonly fingerprint: string
}

/** What a wire tells its connection. `closed` comes once, last, whatever happened. */
export interface WireListener {
  /** The bytes are only this call's: whoever keeps some copies them. */
  received(bytes: Uint8Array): void
  /** The peer will send nothing more. */
  ended(): void
  closed(): void
}
