import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { Authorizer, Principal } from '../core/authorizer.ts'
import { type ErrorCode, errorTable, SluiceError } from '../core/errors.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is asking, as far as this door could verify. */
    principal: Principal
  }
}

export interface ServerOptions {
  readonly authorizer: Authorizer
  /** Names beside loopback's own by which this server may be addressed. */
  readonly hosts: readonly string[]
  /** Web origins that may call with anything but GET, and open WebSockets. */
  readonly origins: readonly string[]
  readonly maxBodyBytes: number
}

/** The one error shape of every HTTP answer. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly hint: string
    readonly requestId: string
    readonly details?: readonly { readonly field: string; readonly message: string }[]
  }
}

/** Paths that answer whoever can reach the port, by any name: probes and scrapers know no names. */
const isPublic = (url: string) => url.startsWith('/health') || url === '/metrics'

/** The HTTP server with what holds for every route: who may address it, who asks, one error shape. */
export function createServer(options: ServerOptions): FastifyInstance {
  const server = Fastify({ bodyLimit: options.maxBodyBytes, logger: false, requestTimeout: 30_000, forceCloseConnections: 'idle' })
  server.decorateRequest('principal')
  server.addHook('onRequest', async (request) => {
    request.principal = options.authorizer.anonymous(request.socket.remoteAddress ?? '', isForwarded(request))
    if (isPublic(request.url)) return
    checkHost(request, options.hosts)
    checkOrigin(request, options)
  })
  server.setErrorHandler((error, request, reply) => {
    const { code, message, details } = told(error)
    void reply.status(errorTable[code].http).send(errorBody(code, message, request.id, details))
  })
  server.setNotFoundHandler((request, reply) => {
    void reply.status(404).send(errorBody('not-found', `there is no ${request.method} ${request.url.split('?')[0]}`, request.id))
  })
  return server
}

export function errorBody(code: ErrorCode, message: string, requestId: string, details?: ErrorBody['error']['details']): ErrorBody {
  return { error: { code, message, hint: errorTable[code].hint, requestId, ...(details ? { details } : {}) } }
}

/** A request that a proxy passed on: its sender is not who holds the socket. */
function isForwarded(request: FastifyRequest): boolean {
  const { headers } = request
  return headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined || headers['x-real-ip'] !== undefined
}

/** A page that rebinds its DNS name to loopback comes with that name in Host. */
function checkHost(request: FastifyRequest, hosts: readonly string[]): void {
  const name = hostName(request.headers.host ?? '')
  if (isLoopbackName(name) || hosts.includes(name)) return
  throw new SluiceError('not-allowed', `the host ${JSON.stringify(name)} is not this server's; list it in http.hosts if it is`)
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

function isOwnOrigin(origin: string, host: string | undefined): boolean {
  return host !== undefined && (origin === `http://${host}` || origin === `https://${host}`)
}

function hostName(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase()
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name)
}

function told(error: unknown): { code: ErrorCode; message: string; details?: ErrorBody['error']['details'] } {
  if (error instanceof SluiceError) return { code: error.code, message: error.message }
  // Fastify's own errors carry the status they mean.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  const message = error instanceof Error ? error.message : 'unknown failure'
  if (status === 413) return { code: 'too-large', message }
  if (status === 415) return { code: 'unsupported-media', message }
  if (typeof status === 'number' && status >= 400 && status < 500) return { code: 'bad-request', message }
  return { code: 'internal', message: 'the request failed for a reason of our own; the log has it under the request id' }
}
