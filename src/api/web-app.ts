import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { errorBody } from './error-answer.ts'

/** The app loads nothing from elsewhere; uPlot and the popups of Base UI place things by style attributes. */
const policy =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

const yearMs = 31_536_000_000

/** Files of the app that are not under assets/; every other path is a page, and all pages are one document. */
const files: ReadonlySet<string> = new Set(['mark.svg', 'theme.js'])

/**
 * The web app under `/app`, as `web/dist` holds it, with compressed neighbours (`.gz`) where they are; `/` leads there. Without the
 * folder the pages say how to build it.
 */
export async function addWebApp(server: FastifyInstance, folder: string): Promise<void> {
  const options = { schema: { hide: true }, config: { access: 'read' } } as const
  server.get('/', options, (_request, reply) => reply.redirect('/app'))
  await server.register(
    async (scope) => {
      await scope.register(fastifyStatic, {
        root: folder,
        serve: false,
        preCompressed: true,
        setHeaders(reply) {
          void reply.header('content-security-policy', policy)
          void reply.header('x-content-type-options', 'nosniff')
          void reply.header('referrer-policy', 'same-origin')
        },
      })
      scope.get('/', options, (_request, reply) => sendPage(reply))
      scope.get<{ Params: { '*': string } }>('/*', options, (request, reply) => {
        const name = request.params['*']
        // Names of assets change with what is in them.
        if (name.startsWith('assets/')) return reply.sendFile(name, { immutable: true, maxAge: yearMs })
        return files.has(name) ? reply.sendFile(name, { maxAge: 0 }) : sendPage(reply)
      })
      scope.setNotFoundHandler((request, reply) => {
        const message = 'the web app has no such file; where it is not built, npm run build builds it'
        return reply.status(404).send(errorBody('not-found', message, request.id))
      })
    },
    { prefix: '/app' },
  )
}

function sendPage(reply: FastifyReply): FastifyReply {
  return reply.sendFile('index.html', { maxAge: 0 })
}
