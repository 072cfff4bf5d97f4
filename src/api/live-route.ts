import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { Readable } from 'node:stream'
import type { WebSocket } from 'ws'

/** RFC 6455 §7.4.1; where a fault of the client has begun the close already, that code stands. */
const internalError = 1011
/** Clients that have not answered the end of their connection by then are cut off. */
const closeMs = 2_000

/** `/ws`: passes sockets on, with the connections below them. The hooks of every route hold for the upgrade too: Host, Origin, and who may read. */
export async function addLiveRoute(
  server: FastifyInstance,
  maxFrameBytes: number,
  accept: (socket: WebSocket, stream: Readable) => void,
): Promise<void> {
  // An upgrade that is refused before the plugin knows of it leaves a socket that nobody reads: it would stay, and keep the server from closing.
  server.addHook('onResponse', (request, _reply, done) => {
    if (request.headers.upgrade !== undefined) request.raw.socket.destroySoon()
    done()
  })
  // Pings are answered with the other frames, where what waits for a client is counted.
  const options = { maxPayload: maxFrameBytes, perMessageDeflate: false, autoPong: false }
  // The plugin would cut the connection at once, before the client can read why.
  const errorHandler = (_error: Error, socket: WebSocket) => socket.close(internalError)
  await server.register(websocket, { options, errorHandler })
  // Closing asks every client to close too; one that reads nothing would keep the server for half a minute.
  server.addHook('preClose', (done) => {
    const { clients } = server.websocketServer
    const cut = setTimeout(() => {
      for (const client of clients) client.terminate()
    }, closeMs)
    server.server.once('close', () => clearTimeout(cut))
    done()
  })
  server.register((scope, _options, done) => {
    scope.get('/ws', { websocket: true, config: { access: 'read' } }, (socket, request) =>
      accept(socket, request.raw.socket),
    )
    done()
  })
}
