import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'

/** Largest frame of a client: subscriptions are small. */
const maxFrameBytes = 64 * 1024

/** `/ws`: passes sockets on. The hooks of every route hold for the upgrade too: Host, Origin, and who may read. */
export async function addLiveRoute(
  server: FastifyInstance,
  accept: (socket: WebSocket) => void,
): Promise<void> {
  // An upgrade that is refused before the plugin knows of it leaves a socket that nobody reads: it would stay, and keep the server from closing.
  server.addHook('onResponse', (request, _reply, done) => {
    if (request.headers.upgrade !== undefined) request.raw.socket.destroySoon()
    done()
  })
  await server.register(websocket, { options: { maxPayload: maxFrameBytes, perMessageDeflate: false } })
  server.register((scope, _options, done) => {
    scope.get('/ws', { websocket: true, config: { access: 'read' } }, (socket) => accept(socket))
    done()
  })
}
