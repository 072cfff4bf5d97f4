import type { AddressCounters } from '../connection/addresses.ts'
import type { GatewayContext } from '../gateway-context.ts'

/** A TLS handshake that takes the place of a connection. */
export interface HandshakePlace {
  /** Gives the place up: the connection is there, or nothing came of it. Twice is harmless. */
  end(): void
  readonly address: AddressCounters
}

/** Lets connections in, or not: the bounds of one address and of all together hold over all doors. */
export class Reception {
  readonly #gateway: GatewayContext
  #handshakes = 0

  constructor(gateway: GatewayContext) {
    this.#gateway = gateway
  }

  /** True if one more connection may come from the address. One that may not is counted; the door turns it away. */
  admits(remoteAddress: string): boolean {
    const { config, counters, addresses, connections } = this.#gateway
    const known = addresses.of(remoteAddress)
    const isFull = connections.size + this.#handshakes >= config.maxConnections
    if (!isFull && known.connections + known.handshakes < config.maxConnectionsPerAddress) return true
    if (isFull) counters.tooManyConnections++
    else counters.tooManyFromAddress++
    counters.connectionsRefused++
    known.refused++
    return false
  }

  /** The same for a connection that begins with a handshake. */
  admitHandshake(remoteAddress: string): HandshakePlace | undefined {
    if (!this.admits(remoteAddress)) return undefined
    const { config, counters, addresses } = this.#gateway
    const address = addresses.of(remoteAddress)
    if (address.handshakes >= config.tls.maxHandshakesPerAddress) {
      counters.tooManyHandshakes++
      counters.connectionsRefused++
      address.refused++
      return undefined
    }
    address.handshakes++
    this.#handshakes++
    let isUnderway = true
    return {
      address,
      end: () => {
        if (!isUnderway) return
        isUnderway = false
        address.handshakes--
        this.#handshakes--
      },
    }
  }
}
