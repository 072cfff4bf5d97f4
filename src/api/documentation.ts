import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { failures } from './rest/shown-answers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the OpenAPI document says of a route that checks its requests itself: plain JSON schema, but for its answers. */
    shown?: FastifySchema
  }
}

/** The page needs nothing from elsewhere. */
const policy =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

const word =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 92 40"><text y="29" font-family="sans-serif" font-size="28" font-weight="700" fill="#fff">Sluice</text></svg>'
const logo = { type: 'image/svg+xml', content: word, href: '/docs' }
const theme = { title: 'Sluice: HTTP API', favicon: [] }
/** One of `urls` holds over the plugin's own address of the same document. */
const uiConfig = { urls: [{ url: '/openapi.json', name: 'Sluice' }] }

/**
 * The OpenAPI document at `/openapi.json` and a page to try it at `/docs`, with assets of our own. Routes must be added after it has
 * resolved, or they are not in the document.
 */
export async function addDocumentation(server: FastifyInstance, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice',
        version,
        description:
          'Telemetry and event platform. Every answer that went wrong has one shape: `error` with code, message and hint.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: [
        { name: 'ingest', description: 'Readings in' },
        { name: 'readings', description: 'Readings out, and edits of them' },
        { name: 'devices', description: 'What there is' },
        { name: 'documents', description: 'Posts, device logs, messages' },
        { name: 'dead letters', description: 'What could not be taken' },
        { name: 'replays', description: 'Rows of the log given to a sink once more' },
        { name: 'operations', description: 'Health, status, metrics' },
      ],
    },
    transform: (document) => {
      const { access, shown } = document.route.config ?? {}
      const { response, ...request } = shown ?? document.schema
      const failed = access === 'public' ? {} : failures(document.route.method)
      const asked = shown === undefined ? request : {}
      const { schema, url } = jsonSchemaTransform({
        ...document,
        schema: { ...asked, response: { ...failed, ...(response as object | undefined) } }, // fastify leaves its type open
      })
      return { schema: shown === undefined ? schema : { ...schema, ...request }, url }
    },
  })
  await server.register(async (scope) => {
    // The page's own routes come from its plugin and know nothing of ours.
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'read' }
    })
    await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: policy, uiConfig, theme, logo })
    const hidden = { schema: { hide: true } }
    scope.get('/openapi.json', hidden, () => server.swagger())
    scope.get('/swagger', hidden, (_request, reply) => reply.redirect('/docs'))
    scope.get('/swagger/*', hidden, (_request, reply) => reply.redirect('/docs'))
  })
}
