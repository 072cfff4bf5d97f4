import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Action, Authorizer, Principal } from '../core/authorizer.ts'
import { SluiceError } from '../core/errors.ts'

/**
 * Who may use a route. `public` is for probes and scrapers: they bring no credentials and know the server by no name. Everything
 * else needs an action, on the device that the query names or on `*`.
 */
export type Access = 'public' | Action

declare module 'fastify' {
  interface FastifyRequest {
    /** Who is asking, as far as this door could verify. */
    principal: Principal
  }
  interface FastifyContextConfig {
    /** Every route has it; a server with a route that has none does not start. */
    access?: Access
  }
}

/** Everything that may be public: nothing that tells what is stored, or changes it. */
const publicPaths: ReadonlySet<string> = new Set(['/health', '/health/live', '/health/ready', '/metrics'])

/** Makes the server refuse to start while a route has no rule, or is public without being listed as such. */
export function demandAccess(server: FastifyInstance): void {
  const faults: string[] = []
  const routes: { url: string; method: string | string[]; config?: { access?: Access } }[] = []
  server.addHook('onRoute', (route) => {
    routes.push(route)
  })
  server.addHook('onReady', (done) => {
    for (const { url, method, config } of routes) {
      if (config?.access === undefined) faults.push(`${String(method)} ${url} has no access rule`)
      else if (config.access === 'public' && !publicPaths.has(url)) faults.push(`${url} must not be public`)
    }
    done(faults.length === 0 ? undefined : new SluiceError('internal', faults.join('; ')))
  })
}

export function isPublic(request: FastifyRequest): boolean {
  return request.routeOptions.config.access === 'public'
}

/** Throws unless the route's rule lets the principal in. A path without a route needs no right to be told so. */
export function checkAccess(request: FastifyRequest, authorizer: Authorizer): void {
  if (request.is404) return
  const { access } = request.routeOptions.config
  if (access === 'public') return
  if (access === undefined) throw new SluiceError('not-allowed', 'the route has no access rule')
  const decision = authorizer.decide(request.principal, 'http', access, resourceOf(request.query))
  if (decision.allowed) return
  const isUnknown = request.principal.kind === 'anonymous'
  throw new SluiceError(isUnknown ? 'not-authenticated' : 'not-allowed', decision.reason)
}

function resourceOf(query: unknown): string {
  if (typeof query !== 'object' || query === null || !('device' in query)) return '*'
  return typeof query.device === 'string' ? query.device : '*'
}
