import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { WebSocket } from 'ws'
import { SluiceError } from '../core/errors.ts'

/** RFC 6455 §7.4.1; where a fault of the client has begun the close already, that code stands. */
const internalError = 1011
/** Clients that have not answered the end of their connection by then are cut off. */
const closeMs = 2_000

/** The one path at which there is a WebSocket. */
export const livePath = '/ws'

/** `/ws`: passes sockets on, with the connections below them. The hooks of every route hold for the upgrade too: Host, Origin, and who may read. */
export async function addLiveRoute(
  server: FastifyInstance,
  maxFrameBytes: number,
  accept: (socket: WebSocket, stream: Readable) => void,
): Promise<void> {
  // The plugin upgrades whatever comes to a route of its scope, so that holds this one alone.
  await server.register(async (scope) => {
    // An upgrade that is refused before the plugin knows of it leaves a socket that nobody reads: it would stay, and keep the server from closing.
    scope.addHook('onResponse', (request, _reply, done) => {
      if (isWebSocket(request.raw)) request.raw.socket.destroySoon()
      done()
    })
    // Pings are answered with the other frames, where what waits for a client is counted.
    const options = { maxPayload: maxFrameBytes, perMessageDeflate: false, autoPong: false }
    // The plugin would cut the connection at once, before the client can read why.
    const errorHandler = (_error: Error, socket: WebSocket) => socket.close(internalError)
    await scope.register(websocket, { options, errorHandler })
    // Closing asks every client to close too; one that reads nothing would keep the server for half a minute.
    scope.addHook('preClose', (done) => {
      const { clients } = scope.websocketServer
      const cut = setTimeout(() => {
        for (const client of clients) client.terminate()
      }, closeMs)
      server.server.once('close', () => clearTimeout(cut))
      done()
    })
    scope.route({
      method: 'GET',
      url: livePath,
      schema: { hide: true },
      config: { access: 'read' },
      handler: () => {
        throw new SluiceError('not-found', `${livePath} is a WebSocket: there is nothing else to get`)
      },
      wsHandler: (socket, request) => accept(socket, request.raw.socket),
    })
  })
}

/** Whether a request leaves HTTP. One that may not is answered as if it had not asked (RFC 9110 §7.8), such as those that offer h2c. */
export function shouldUpgrade(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.url?.split('?')[0] === livePath && isWebSocket(request)
}

/** Whether a request asks for a WebSocket, wherever. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}
