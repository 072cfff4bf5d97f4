import { z } from 'zod'
import type { DocumentRow } from '../../core/store.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { documentPages } from './document-pages.ts'
import { letterFilter, letterQuery, readLetter, type Wanted } from './letter-filter.ts'
import { letterText } from './letter-text.ts'
import * as given from './parameters.ts'
import type { TimeText } from './query-time.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

const contentType = 'application/x-ndjson; charset=utf-8'

/** `GET /api/v1/dead-letters/export`: all letters that fit, oldest first, one a line, as the list has them. */
export function addLetterExport(server: RestServer, { clock, store, answers }: RouteParts): void {
  const querystring = z
    .strictObject({ ...letterFilter(clock), time: given.timeForm })
    .superRefine(given.beginsBeforeEnd)
  const schema = answering(
    { querystring, tags: ['dead letters'], summary: 'All letters that fit with their bytes, one a line' },
    {
      200: {
        description: 'Letters as the list has them, oldest first',
        content: { 'application/x-ndjson': { schema: z.string() } },
      },
      400: shownError,
      503: shownError,
    },
  )
  server.get(
    '/api/v1/dead-letters/export',
    { schema, config: { access: 'dead-letters' } },
    (request, reply) => {
      const { time, ...wanted } = request.query
      const query = { ...letterQuery(wanted, undefined), after: -1n, limit: Number.MAX_SAFE_INTEGER }
      const pages = documentPages(store, query, callerSignal(reply))
      void reply.header('content-disposition', 'attachment; filename="dead-letters.ndjson"')
      return sendPieces(reply, contentType, lines(pages, wanted, time), answers)
    },
  )
}

async function* lines(
  pages: AsyncIterable<readonly DocumentRow[]>,
  wanted: Wanted,
  time: TimeText,
): AsyncGenerator<string> {
  for await (const page of pages) {
    let text = ''
    for (const row of page) {
      const letter = readLetter(row.body, wanted)
      if (letter !== undefined) text += `${letterText(row, letter, time, true)}\n`
    }
    if (text !== '') yield text
  }
}
