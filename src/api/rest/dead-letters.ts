import { z } from 'zod'
import type { DocumentRow } from '../../core/store.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { documentPages } from './document-pages.ts'
import { findLetter, letterId } from './find-letter.ts'
import { letterFilter, letterQuery, maxLooked, readLetter } from './letter-filter.ts'
import { letterText, shownLetter } from './letter-text.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError, shownNext } from './shown-answers.ts'

const config = { access: 'dead-letters' } as const

/** Records that were not taken, newest first, with reason and original bytes; and one of them. */
export function addDeadLetters(server: RestServer, parts: RouteParts): void {
  addList(server, parts)
  addOne(server, parts)
}

function addList(server: RestServer, { clock, store, answers }: RouteParts): void {
  const querystring = z
    .strictObject({
      ...letterFilter(clock),
      limit: given.limit,
      cursor: given.cursor(z.tuple([given.sequence])),
      bytes: z
        .literal('omit', { error: 'expected omit' })
        .optional()
        .describe(
          'omit leaves bytes and text out of the list: each letter has them at /api/v1/dead-letters/{id}.',
        ),
      time: given.timeForm,
    })
    .superRefine(given.beginsBeforeEnd)
  const schema = answering(
    { querystring, tags: ['dead letters'], summary: 'Records that could not be taken, newest first' },
    { 200: shownLetters, 400: shownError, 503: shownError },
  )
  server.get('/api/v1/dead-letters', { schema, config }, (request, reply) => {
    const { limit, cursor, bytes, time, ...wanted } = request.query
    const pages = documentPages(store, letterQuery(wanted, cursor?.[0]), callerSignal(reply))
    const letters = pieces(pages, limit, (row) => {
      const letter = readLetter(row.body, wanted)
      return letter && letterText(row, letter, time, bytes !== 'omit')
    })
    return sendPieces(reply, 'application/json; charset=utf-8', letters, answers)
  })
}

function addOne(server: RestServer, { store }: RouteParts): void {
  const schema = answering(
    {
      params: z.object({ id: letterId }),
      querystring: z.strictObject({ time: given.timeForm }),
      tags: ['dead letters'],
      summary: 'One record that could not be taken',
    },
    { 200: shownLetter, 400: shownError, 404: shownError, 503: shownError },
  )
  server.get('/api/v1/dead-letters/:id', { schema, config }, async (request, reply) => {
    const { row, letter } = await findLetter(store, request.params.id, callerSignal(reply))
    const text = letterText(row, letter, request.query.time, true)
    return reply.header('content-type', 'application/json; charset=utf-8').send(text)
  })
}

const pieceChars = 100_000

async function* pieces(
  pages: AsyncIterable<readonly DocumentRow[]>,
  limit: number,
  letterOf: (row: DocumentRow) => string | undefined,
): AsyncGenerator<string> {
  let text = '{"letters":['
  let separator = ''
  let left = limit
  let looked = 0
  let lastSeq = 0n
  for await (const page of pages) {
    for (const row of page) {
      const letter = letterOf(row)
      if (letter !== undefined && left === 0) {
        yield `${text}],"next":"${encodePage([String(lastSeq)])}"}`
        return
      }
      lastSeq = row.seq
      looked++
      if (letter === undefined) continue
      text += separator + letter
      separator = ','
      left--
      if (text.length < pieceChars) continue
      yield text
      text = ''
    }
  }
  yield looked < maxLooked ? `${text}]}` : `${text}],"next":"${encodePage([String(lastSeq)])}"}`
}

const shownLetters = z.object({
  letters: z.array(shownLetter.partial({ bytes: true })),
  next: shownNext,
})
