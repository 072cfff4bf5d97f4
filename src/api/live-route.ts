import type { Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { WebSocket } from 'ws'

/** Clients that have not answered the end of their connection by then are cut off. */
const closeMs = 2_000

/** `/ws`: passes sockets on, with the connections below them. */
export function addLiveRoute(
  server: FastifyInstance,
  maxFrameBytes: number,
  accept: (socket: WebSocket, stream: Socket) => void,
): void {
  const sockets = server.webSockets.add({ path: '/ws', access: 'read', maxFrameBytes, accept })
  // Closing asks every client to close too; one that reads nothing would keep the server for half a minute.
  server.addHook('preClose', (done) => {
    for (const client of sockets.clients) client.close()
    const cut = setTimeout(() => {
      for (const client of sockets.clients) client.terminate()
    }, closeMs)
    server.server.once('close', () => clearTimeout(cut))
    sockets.close()
    done()
  })
}
