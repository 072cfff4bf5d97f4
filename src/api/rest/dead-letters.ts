import { isUtf8 } from 'node:buffer'
import { z } from 'zod'
import { errorTable, SluiceError } from '../../core/errors.ts'
import { maxMicros } from '../../core/limits.ts'
import type { DocumentQuery, DocumentRow } from '../../core/store.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { documentPages } from './document-pages.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import type { TimeText } from './query-time.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError, shownNext, shownTime } from './shown-answers.ts'

/** Letters looked at for one answer, whether they fit the filters or not: a rare one is found page by page. */
const maxLooked = 100_000

const config = { access: 'dead-letters' } as const

/** Records that were not taken, newest first, with reason and original bytes; and one of them. */
export function addDeadLetters(server: RestServer, parts: RouteParts): void {
  addList(server, parts)
  addOne(server, parts)
}

function addList(server: RestServer, { clock, store, answers }: RouteParts): void {
  const querystring = z.strictObject({
    device: given.name('device').optional(),
    source: given
      .name('source')
      .optional()
      .describe('The door it came through, or the sink that refused it.'),
    code: z.enum(Object.keys(errorTable), { error: 'expected a code of the error table' }).optional(),
    from: given.time(clock, 'Begin, inclusive; everything unless given.').default(-maxMicros),
    to: given.time(clock, 'End, exclusive; everything unless given.').default(maxMicros),
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
  const schema = answering(
    { querystring, tags: ['dead letters'], summary: 'Records that could not be taken, newest first' },
    { 200: shownLetters, 400: shownError, 403: shownError, 503: shownError },
  )
  server.get('/api/v1/dead-letters', { schema, config }, (request, reply) => {
    const { device, source, code, from, to, limit, cursor, bytes, time } = request.query
    const wanted: Wanted = { device, source, code }
    const query: DocumentQuery = {
      ...everything,
      from,
      to,
      match: matchOf(wanted),
      limit: maxLooked,
      before: cursor?.[0],
    }
    const pages = documentPages(store, query, callerSignal(reply))
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
    { 200: shownLetter, 400: shownError, 403: shownError, 404: shownError, 503: shownError },
  )
  server.get('/api/v1/dead-letters/:id', { schema, config }, async (request, reply) => {
    const { id } = request.params
    const query = { ...everything, limit: 1, before: id + 1n }
    const [row] = await store.documents(query, callerSignal(reply))
    const letter = row?.seq === id ? letterText(row, {}, request.query.time, true) : undefined
    if (letter === undefined) throw new SluiceError('not-found', `there is no letter ${id}`)
    return reply.header('content-type', 'application/json; charset=utf-8').send(letter)
  })
}

const everything = {
  stream: 'dead-letters',
  key: undefined,
  from: -maxMicros,
  to: maxMicros,
  match: undefined,
} as const

type Wanted = Readonly<Partial<Record<'device' | 'source' | 'code', string | undefined>>>

/** Members of a letter's body, as intake writes them. */
const letterBody = z.object({
  code: z.string(),
  reason: z.string(),
  source: z.string(),
  device: z.string().optional(),
  topic: z.string().optional(),
  principal: z.string().optional(),
  key: z.string().optional(),
  bytes: z.base64(),
})

/** Words of the body by which the store can leave out most letters; what it finds is looked at closely afterwards. */
function matchOf({ device, code, source }: Wanted): string | undefined {
  if (device !== undefined) return `"device":${JSON.stringify(device)}`
  if (code !== undefined) return `"code":"${code}"`
  return source === undefined ? undefined : `"source":${JSON.stringify(source)}`
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
  const { data: letter } = letterBody.safeParse(parsed(body))
  if (letter === undefined) return undefined
  if (wanted.device !== undefined && letter.device !== wanted.device) return undefined
  if (wanted.source !== undefined && letter.source !== wanted.source) return undefined
  if (wanted.code !== undefined && letter.code !== wanted.code) return undefined
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

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const shownLetter = z.object({
  id: z.string().describe('The number that the log gave it.'),
  time: shownTime,
  code: z.string(),
  reason: z.string(),
  source: z.string(),
  device: z.string().optional(),
  topic: z.string().optional(),
  principal: z.string().optional(),
  bytes: z.string().describe('The original bytes in base64; tokens are masked.'),
  text: z.string().optional().describe('The original bytes where they are UTF-8.'),
})

const shownLetters = z.object({
  letters: z.array(shownLetter.partial({ bytes: true })),
  next: shownNext,
})
