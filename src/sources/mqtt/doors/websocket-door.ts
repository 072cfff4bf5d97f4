import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import { SluiceError } from '../../../core/errors.ts'
import { Connection } from '../connection/connection.ts'
import type { GatewayContext } from '../gateway-context.ts'
import type { Reception } from './reception.ts'
import { webSocketWire } from './websocket-wire.ts'

/** MQTT over WebSocket: the HTTP server hands it those who ask for it. */
export class MqttWebSocketDoor {
  #open: { readonly gateway: GatewayContext; readonly reception: Reception } | undefined

  open(gateway: GatewayContext, reception: Reception): void {
    this.#open = { gateway, reception }
  }

  /** Lets nobody more in. */
  close(): void {
    this.#open = undefined
  }

  /** @throws SluiceError `busy` or `closed` where no connection may come from the address now. */
  admit(remoteAddress: string): void {
    if (this.#open === undefined) throw new SluiceError('closed', 'the MQTT gateway is not running')
    if (!this.#open.reception.admits(remoteAddress))
      throw new SluiceError('busy', 'there are too many MQTT connections, in all or from this address')
  }

  /** Takes over a socket that was admitted in this turn, with the connection below it. */
  serve(socket: WebSocket, stream: Socket): void {
    if (this.#open === undefined) {
      socket.terminate()
      return
    }
    const { gateway } = this.#open
    const { config, counters, addresses, log } = gateway
    const remoteAddress = stream.remoteAddress ?? ''
    webSocketWire(
      socket,
      stream,
      remoteAddress,
      { beforeConnackBytes: config.maxConnectBytes, budget: gateway.assembly },
      (wire) => new Connection(gateway, wire),
      (why) => {
        counters.malformedPackets++
        // Told once per address: a broken device must not fill the operator's log.
        const level = addresses.of(remoteAddress).malformed++ === 0 ? 'warn' : 'debug'
        log[level]({ address: remoteAddress }, `mqtt: a WebSocket was ended: ${why}`)
      },
    )
  }
}
