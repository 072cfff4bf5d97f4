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

/** What the server does with a packet: sends these bytes, nothing, or closes the connection. */
export type PublishAnswer = Buffer | 'close' | undefined

export interface MqttServerOptions {
  /** Cuts what is sent into pieces. */
  readonly pieceBytes?: number
  /** PUBREL; it is answered with PUBCOMP if not given. */
  readonly release?: (messageId: number) => PublishAnswer
  /** Whether a session is there for a client that wants one; if not given, for one that came before. */
  readonly hasSession?: (clientId: string) => boolean
}

/**
 * An MQTT server on loopback that accepts everybody and does with each message what the test says, for tests of clients.
 */
export async function startMqttServer(
  answer: (received: ReceivedPublish) => PublishAnswer,
  options: MqttServerOptions = {},
) {
  const { pieceBytes = Number.POSITIVE_INFINITY, release = pubcomp } = options
  const sessions = new Set<string>()
  const { hasSession = (clientId) => sessions.has(clientId) } = options
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
        const sessionPresent = packet.clean === false && hasSession(packet.clientId)
        if (packet.clean === false) sessions.add(packet.clientId)
        write(
          mqttPacket.generate(
            { cmd: 'connack', returnCode: 0, reasonCode: 0, sessionPresent },
            { protocolVersion },
          ),
        )
      }
      if (packet.cmd !== 'publish' && packet.cmd !== 'pubrel') return
      const reply =
        packet.cmd === 'publish'
          ? answer({ packet, count: ++count, protocolVersion, socket })
          : release(packet.messageId ?? 0)
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

export function pubrec(messageId: number | undefined, reasonCode = 0, protocolVersion = 4): Buffer {
  return mqttPacket.generate({ cmd: 'pubrec', messageId: messageId ?? 0, reasonCode }, { protocolVersion })
}

export function pubcomp(messageId: number): Buffer {
  return mqttPacket.generate({ cmd: 'pubcomp', messageId })
}
