import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { SluiceError } from '../../core/errors.ts'
import type { DocumentRow } from '../../core/store.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { documentPages } from './document-pages.ts'
import { letterBody, letterFilter, letterQuery, maxLooked, readLetter, type Wanted } from './letter-filter.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import type { TimeText } from './query-time.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError, shownNext, shownTime } from './shown-answers.ts'

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
    const letters = pieces(pages, limit, (row) => letterText(row, wanted, time, bytes !== 'omit'))
    return sendPieces(reply, 'application/json; charset=utf-8', letters, answers)
  })
}

function addOne(server: RestServer, { store }: RouteParts): void {
  const params = z.object({
    id: given.parameter((text) => given.sequence.safeParse(text).data, 'the id of a letter', {
      type: 'string',
      description: 'As the list gave it.',
    }),
  })
  const schema = answering(
    {
      params,
      querystring: z.strictObject({ time: given.timeForm }),
      tags: ['dead letters'],
      summary: 'One record that could not be taken',
    },
    { 200: shownLetter, 400: shownError, 404: shownError, 503: shownError },
  )
  server.get('/api/v1/dead-letters/:id', { schema, config }, async (request, reply) => {
    const { id } = request.params
    const query = { ...letterQuery({}, id + 1n), limit: 1 }
    const [row] = await store.documents(query, callerSignal(reply))
    const letter = row?.seq === id ? letterText(row, {}, request.query.time, true) : undefined
    if (letter === undefined) throw new SluiceError('not-found', `there is no letter ${id}`)
    return reply.header('content-type', 'application/json; charset=utf-8').send(letter)
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

/** The letter as JSON, undefined where it is not wanted. */
function letterText(
  { seq, time, body }: DocumentRow,
  wanted: Wanted,
  timeText: TimeText,
  withBytes: boolean,
): string | undefined {
  const letter = readLetter(body, wanted)
  if (letter === undefined) return undefined
  const { code, reason, source, device, topic, principal, bytes } = letter
  const content = withBytes ? { bytes, text: textOf(bytes) } : {}
  const rest = JSON.stringify({ code, reason, source, device, topic, principal, ...content })
  return `{"id":"${seq}","time":${timeText(time)},${rest.slice(1)}`
}

/** The original bytes where they are UTF-8. */
function textOf(bytes: string): string | undefined {
  const original = Buffer.from(bytes, 'base64')
  return isUtf8(original) ? original.toString() : undefined
}

const shownLetter = letterBody.omit({ key: true }).extend({
  id: z.string().describe('The number that the log gave it.'),
  time: shownTime,
  bytes: z.string().describe('The original bytes in base64; tokens are masked.'),
  text: z.string().optional().describe('The original bytes where they are UTF-8.'),
})

const shownLetters = z.object({
  letters: z.array(shownLetter.partial({ bytes: true })),
  next: shownNext,
})
