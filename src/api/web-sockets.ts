import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type WebSocket, WebSocketServer } from 'ws'
import { SluiceError } from '../core/errors.ts'
import type { Access } from './access.ts'

declare module 'fastify' {
  interface FastifyInstance {
    webSockets: WebSockets
  }
}

/** A path at which HTTP is left for WebSocket. The hooks of every route hold for the upgrade too: Host, Origin, and who may. */
export interface WebSocketRoute {
  readonly path: string
  readonly access: Access
  readonly maxFrameBytes: number
  /** The one subprotocol that is spoken there; undefined where none is. */
  readonly protocol?: string
  /** Throws the error that is answered instead of the upgrade. */
  check?(request: FastifyRequest): void
  /** Takes a socket over, with the connection below it. */
  accept(socket: WebSocket, stream: Socket): void
}

/** RFC 6455 §7.4.1. */
const internalError = 1011

/** The WebSockets of one HTTP server: nothing else is an upgrade. */
export class WebSockets {
  readonly #server: () => FastifyInstance
  readonly #report: (error: unknown, requestId: string) => void
  readonly #paths = new Set<string>()
  /** What came behind the head of a request that is upgraded. */
  readonly #behind = new WeakMap<IncomingMessage, Buffer>()

  /** `report` is told of a failure of our own, with the id of the request. */
  constructor(server: () => FastifyInstance, report: (error: unknown, requestId: string) => void) {
    this.#server = server
    this.#report = report
  }

  get paths(): readonly string[] {
    return [...this.#paths]
  }

  /** Whether a request leaves HTTP. One that may not is answered as if it had not asked (RFC 9110 §7.8), such as those that offer h2c. */
  readonly shouldUpgrade = (request: IncomingMessage): boolean =>
    request.method === 'GET' && this.#paths.has(request.url?.split('?')[0] ?? '') && isWebSocket(request)

  /** Routes an upgrade like any other request, so that every hook sees it. */
  readonly route = (request: IncomingMessage, socket: Socket, behind: Buffer): void => {
    socket.on('error', destroy) // node has taken its own listener away
    this.#behind.set(request, behind)
    const response = new ServerResponse(request)
    response.assignSocket(socket)
    // Only a refusal is answered here. Its socket would stay, for nobody reads it, and keep the server from closing.
    response.on('finish', () => socket.destroySoon())
    this.#server().routing(request, response)
  }

  add(route: WebSocketRoute): WebSocketServer {
    const { path, access, protocol } = route
    const sockets = new WebSocketServer({
      noServer: true,
      maxPayload: route.maxFrameBytes,
      perMessageDeflate: false,
      // Who answers pings sees how much waits for the client.
      autoPong: false,
      ...(protocol === undefined
        ? {}
        : { handleProtocols: (offered: Set<string>) => offered.has(protocol) && protocol }),
    })
    this.#paths.add(path)
    this.#server().route({
      method: 'GET',
      url: path,
      schema: { hide: true },
      config: { access },
      handler: (request, reply) => {
        const { raw } = request
        const { socket } = raw
        const behind = this.#behind.get(raw)
        if (behind === undefined)
          throw new SluiceError('not-found', `${path} is a WebSocket: there is nothing else to get`)
        route.check?.(request)
        reply.hijack()
        reply.raw.detachSocket(socket)
        socket.off('error', destroy) // `ws` has one of its own
        sockets.handleUpgrade(raw, socket, behind, (accepted) => {
          accepted.on('error', () => undefined) // followed by 'close'
          try {
            route.accept(accepted, socket)
          } catch (error) {
            this.#report(error, request.id)
            accepted.close(internalError)
          }
        })
      },
    })
    return sockets
  }
}

/** Whether a request asks for a WebSocket, wherever. */
export function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket'
}

function destroy(this: Socket): void {
  this.destroy()
}
