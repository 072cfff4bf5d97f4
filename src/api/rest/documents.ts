import { z } from 'zod'
import { maxMicros } from '../../core/limits.ts'
import type { DocumentRow } from '../../core/store.ts'
import { BadRequest } from '../error-answer.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { documentPages } from './document-pages.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import type { TimeText } from './query-time.ts'
import { answering, reading, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError, shownNext, shownTime } from './shown-answers.ts'

/** Streams that have routes and rights of their own. */
const elsewhere: Readonly<Record<string, string>> = {
  readings: '/api/v1/readings',
  'dead-letters': '/api/v1/dead-letters',
}

/** `GET /api/v1/documents/{stream}`: posts, device logs, messages, newest first. */
export function addDocuments(server: RestServer, { clock, store, answers }: RouteParts): void {
  const querystring = z.strictObject({
    key: given.name('key').optional().describe('Only documents with this key, such as a device.'),
    from: given.time(clock, 'Begin, inclusive; everything unless given.').default(-maxMicros),
    to: given.time(clock, 'End, exclusive; everything unless given.').default(maxMicros),
    match: given.match.optional().describe('Words that the body holds, in any case.'),
    limit: given.limit,
    cursor: given.cursor(z.tuple([given.sequence])),
    time: given.timeForm,
  })
  const params = z.object({
    stream: given.parameter(
      (text) => (/^[a-z0-9-]{1,64}$/.test(text) ? text : undefined),
      'the name of a stream',
      {
        type: 'string',
        examples: ['posts'],
      },
    ),
  })
  const shown = z.object({
    documents: z.array(z.object({ key: z.string(), time: shownTime, body: z.unknown() })),
    next: shownNext,
  })
  const schema = answering(
    { querystring, params, tags: ['documents'], summary: 'Documents of a stream, newest first' },
    { 200: shown, 400: shownError, 503: shownError },
  )
  server.get('/api/v1/documents/:stream', { schema, config: reading }, (request, reply) => {
    const { stream } = request.params
    const other = elsewhere[stream]
    if (other !== undefined) throw new BadRequest([{ field: 'stream', message: `is at ${other}` }])
    const { key, from, to, match, limit, cursor, time } = request.query
    const query = {
      stream,
      key,
      from,
      to,
      match: match === '' ? undefined : match,
      limit: limit + 1,
      before: cursor?.[0],
    }
    const pages = documentPages(store, query, callerSignal(reply))
    return sendPieces(reply, 'application/json; charset=utf-8', pieces(pages, limit, time), answers)
  })
}

async function* pieces(
  pages: AsyncIterable<readonly DocumentRow[]>,
  limit: number,
  time: TimeText,
): AsyncGenerator<string> {
  let text = '{"documents":['
  let left = limit
  let last: DocumentRow | undefined
  for await (const page of pages) {
    for (const row of page) {
      if (left === 0) {
        yield `${text}],"next":"${encodePage([String(last?.seq)])}"}`
        return
      }
      text += `${last === undefined ? '' : ','}{"key":${JSON.stringify(row.key)},"time":${time(row.time)},"body":${jsonOf(row.body)}}`
      last = row
      left--
      if (text.length < pieceChars) continue
      yield text
      text = ''
    }
  }
  yield `${text}]}`
}

const pieceChars = 100_000

/** A body as it stands where it is JSON, else as a text. */
function jsonOf(body: string): string {
  try {
    JSON.parse(body)
    return body
  } catch {
    return JSON.stringify(body)
  }
}
