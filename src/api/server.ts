import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Authorizer } from '../core/authorizer.ts'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import { checkAccess, demandAccess, isPublic } from './access.ts'
import { errorBody, refuse, told } from './error-answer.ts'
import { isWebSocket, WebSockets } from './web-sockets.ts'

export interface ServerOptions {
  readonly authorizer: Authorizer
  /** Names beside loopback's own by which this server may be addressed. */
  readonly hosts: readonly string[]
  /** Web origins that may call with anything but GET, and open WebSockets. */
  readonly origins: readonly string[]
  /** Bytes of a request's body, where a route says nothing else. */
  readonly maxBodyBytes: number
  /** Told of every failure that is our own, with the id that the caller was given. */
  report?(error: unknown, requestId: string): void
}

/** Bytes of a path parameter. */
const maxParamLength = 1024

/** The HTTP server with what holds for every route: who may address it, who asks, who may, and one error shape. */
export function createServer(options: ServerOptions): FastifyInstance {
  const webSockets = new WebSockets(
    () => server,
    (error, requestId) => options.report?.(error, requestId),
  )
  const server: FastifyInstance = Fastify({
    bodyLimit: options.maxBodyBytes,
    logger: false,
    http: { shouldUpgradeCallback: webSockets.shouldUpgrade },
    requestTimeout: 30_000,
    forceCloseConnections: false,
    // A HEAD would run the whole query of its GET and throw the answer away.
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength },
    clientErrorHandler: answerBadBytes,
    frameworkErrors: (error, request, reply) => {
      void answer(reply, request.id, error)
    },
  })
  server.server.on('upgrade', webSockets.route)
  server.decorate('webSockets', webSockets)
  // Bodies are JSON: a page of elsewhere can send plain text without asking first.
  server.removeContentTypeParser('text/plain')
  const parseJson = server.getDefaultJsonParser('error', 'error')
  server.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // Clients name the type of every request, with a body or without: routes that need one ask for it.
    return body === '' ? done(null) : parseJson(request, body, done)
  })
  closeInTime(server)
  demandAccess(server)
  server.decorateRequest('principal')
  server.addHook('onRequest', (request, _reply, done) => {
    request.principal = options.authorizer.anonymous(request.socket.remoteAddress ?? '', isForwarded(request))
    try {
      if (!isPublic(request)) {
        checkHost(request, options.hosts)
        checkOrigin(request, options)
        checkAccess(request, options.authorizer)
      }
      checkWebSocket(request, webSockets.paths)
      done()
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
    }
  })
  server.setErrorHandler((error, request, reply) => {
    // A caller who has gone away ends its query with an error that is no failure of ours.
    const isGone = reply.raw.destroyed
    const code = answer(reply, request.id, error)
    if (code === 'internal' && !isGone) options.report?.(error, request.id)
  })
  server.setNotFoundHandler((request, reply) => {
    const message = `there is no ${request.method} ${request.url.split('?')[0]}`
    void refuse(reply, 'not-found').send(JSON.stringify(errorBody('not-found', message, request.id)))
  })
  return server
}

/** Milliseconds that answers under way have when the server closes. */
const graceMs = 4_000

/** Closing lets answers under way finish, but waits for no connection that is only kept open, and for nobody for ever. */
function closeInTime(server: FastifyInstance): void {
  server.addHook('preClose', (done) => {
    const { server: http } = server
    if (http.listening) {
      http.closeIdleConnections()
      // A connection may fall idle later: when an answer is out, or the rest of a refused body is in.
      const sweep = setInterval(() => http.closeIdleConnections(), 50)
      const end = setTimeout(() => http.closeAllConnections(), graceMs)
      http.once('close', () => {
        clearInterval(sweep)
        clearTimeout(end)
      })
    }
    done()
  })
}

function answer(reply: FastifyReply, requestId: string, error: unknown): ErrorCode {
  const { code, message, details } = told(error)
  void refuse(reply, code).send(JSON.stringify(errorBody(code, message, requestId, details)))
  return code
}

/** Bytes that are no HTTP, or came too slowly, never make a request: they are answered on the socket. */
function answerBadBytes(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const status = isLate ? '408 Request Timeout' : '400 Bad Request'
  const message = isLate ? 'the request did not arrive in time' : `this is no HTTP request: ${error.message}`
  const body = JSON.stringify(errorBody('bad-request', message, '-'))
  const head = `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}`
  socket.end(`${head}\r\nConnection: close\r\n\r\n${body}`)
}

/** Headers that proxies add. */
const forwarding = [
  ...['forwarded', 'via', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'],
  ...['x-forwarded-port', 'x-forwarded-server'],
]

/** A request that a proxy passed on: its sender is not who holds the socket. */
function isForwarded({ headers }: FastifyRequest): boolean {
  for (const name of forwarding) if (headers[name] !== undefined) return true
  return false
}

/** A page that rebinds its DNS name to loopback comes with that name in Host. */
function checkHost(request: FastifyRequest, hosts: readonly string[]): void {
  const name = hostName(request.headers.host ?? '')
  if (isLoopbackName(name) || hosts.includes(name)) return
  throw new SluiceError(
    'not-allowed',
    `the host ${JSON.stringify(name)} is not this server's; list it in http.hosts if it is`,
  )
}

/** A foreign page may read nothing it could not read anyway, and change nothing. */
function checkOrigin(request: FastifyRequest, options: ServerOptions): void {
  const isUpgrade = request.headers.upgrade !== undefined
  if (!isUpgrade && (request.method === 'GET' || request.method === 'HEAD')) return
  const { origin } = request.headers
  if (origin === undefined) {
    if (request.headers['sec-fetch-site'] !== 'cross-site') return
    throw new SluiceError('not-allowed', 'a page of another site may not do this')
  }
  if (isOwnOrigin(origin, request.headers.host) || options.origins.includes(origin)) return
  throw new SluiceError('not-allowed', `the origin ${JSON.stringify(origin)} is not listed in http.origins`)
}

/** An answer other than 101 would do, but who asks for a WebSocket should hear that it is the wrong place. */
function checkWebSocket({ raw, routeOptions, method, url }: FastifyRequest, paths: readonly string[]): void {
  if (!isWebSocket(raw) || (routeOptions.url !== undefined && paths.includes(routeOptions.url))) return
  const asked = `${method} ${url.split('?')[0]}`
  const there = paths.length === 0 ? 'none' : `one at ${paths.map((path) => `GET ${path}`).join(' and ')}`
  throw new SluiceError('not-found', `there is no WebSocket at ${asked}; there is ${there}`)
}

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase()
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
}
