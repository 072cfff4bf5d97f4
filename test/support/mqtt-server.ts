import { once } from 'node:events'
import net from 'node:net'
import mqttPacket, { type IPublishPacket } from 'mqtt-packet'

export interface ReceivedPublish {
  readonly packet: IPublishPacket
  /** Counted from 1 over all connections. */
  readonly count: number
  readonly protocolVersion: number
  readonly socket: net.Socket
}

/** What the server does with a message: sends these bytes, nothing, or closes the connection. */
export type PublishAnswer = Buffer | 'close' | undefined

/**
 * An MQTT server on loopback that accepts everybody and does with each message what the test says, for tests of clients.
 * `pieceBytes` cuts what it sends into pieces.
 */
export async function startMqttServer(
  answer: (received: ReceivedPublish) => PublishAnswer,
  pieceBytes = Number.POSITIVE_INFINITY,
) {
  let count = 0
  const sockets = new Set<net.Socket>()
  const server = net.createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const write = (bytes: Buffer): void => {
      for (let at = 0; at < bytes.length; at += pieceBytes) socket.write(bytes.subarray(at, at + pieceBytes))
    }
    let protocolVersion = 4
    const parser = mqttPacket.parser()
    parser.on('packet', (packet) => {
      if (socket.destroyed) return
      if (packet.cmd === 'connect') {
        protocolVersion = packet.protocolVersion ?? 4
        write(
          mqttPacket.generate(
            { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent: false },
            { protocolVersion },
          ),
        )
      }
      if (packet.cmd !== 'publish') return
      const reply = answer({ packet, count: ++count, protocolVersion, socket })
      if (reply === 'close') socket.destroy()
      else if (reply !== undefined) write(reply)
    })
    socket.on('data', (bytes) => {
      if (typeof bytes !== 'string') parser.parse(bytes)
    })
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return {
    port: address.port,
    received: () => count,
    closeConnections(): void {
      for (const socket of sockets) socket.destroy()
    },
    async [Symbol.asyncDispose](): Promise<void> {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

export function puback(messageId: number | undefined, reasonCode = 0, protocolVersion = 4): Buffer {
  return mqttPacket.generate({ cmd: 'puback', messageId: messageId ?? 0, reasonCode }, { protocolVersion })
}
