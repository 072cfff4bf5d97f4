import { Connection } from '../connection/connection.ts'
import type { GatewayContext } from '../gateway-context.ts'
import { tcpWire } from '../connection/tcp-wire.ts'
import { type Listener, openListener } from './listener.ts'
import type { Reception } from './reception.ts'

/** MQTT as it is, on a port. */
export function openTcpDoor(gateway: GatewayContext, reception: Reception): Promise<Listener> {
  const { host, port } = gateway.config
  return openListener({ host, port, key: 'mqtt' }, gateway.log, (socket) => {
    if (reception.admits(socket.remoteAddress ?? '')) tcpWire(socket, (wire) => new Connection(gateway, wire))
    else socket.destroy()
  })
}
