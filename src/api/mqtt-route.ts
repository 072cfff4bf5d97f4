import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'
import { SluiceError } from '../core/errors.ts'

/** The MQTT gateway, as this door sees it. */
export interface MqttSockets {
  /** Throws what is answered where no connection may come from the address now. */
  admit(remoteAddress: string): void
  /** Takes over a socket that was admitted a moment ago. */
  serve(socket: WebSocket, stream: Socket): void
}

const protocol = 'mqtt'

export const mqttPath = '/mqtt'

/** `/mqtt`: MQTT over WebSocket (MQTT 5 §6, MQTT 3.1.1 §6). When the server closes, the gateway ends its connections itself. */
export function addMqttRoute(server: FastifyInstance, maxFrameBytes: number, sockets: MqttSockets): void {
  server.webSockets.add({
    path: mqttPath,
    access: 'connect',
    maxFrameBytes,
    protocol,
    check({ headers, socket }) {
      const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim())
      if (offered?.includes(protocol) !== true)
        throw new SluiceError(
          'bad-request',
          `${mqttPath} is MQTT over WebSocket: ask for the subprotocol ${protocol} (Sec-WebSocket-Protocol)`,
        )
      sockets.admit(socket.remoteAddress ?? '')
    },
    accept: (socket, stream) => sockets.serve(socket, stream),
  })
}
