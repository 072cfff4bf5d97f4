import { z } from 'zod'
import type { DiscardedLetter } from '../../core/discard.ts'
import { BadRequest } from '../error-answer.ts'
import { callerSignal } from './answer-stream.ts'
import { isApplied } from './applied.ts'
import { documentPages } from './document-pages.ts'
import { heldLetters } from './held-letters.ts'
import { findLetter, letterId } from './find-letter.ts'
import { letterFilter, letterQuery, readLetter, type Wanted } from './letter-filter.ts'
import { named } from './letter-reader.ts'
import { beginsBeforeEnd } from './parameters.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

/** Letters of one record of the log: a few hundred KB. */
const maxPerRecord = 10_000

/** `DELETE /api/v1/dead-letters`: a user's way to make room. Letters are never removed by anybody else. */
export function addDiscards(server: RestServer, parts: RouteParts): void {
  const schema = answering(
    {
      querystring: z.strictObject(letterFilter(parts.clock)).superRefine(beginsBeforeEnd),
      tags: ['dead letters'],
      summary: 'Discard the letters that fit, for good',
    },
    { 200: shown, 202: shown, 400: shownError, 503: shownError },
  )
  server.delete('/api/v1/dead-letters', { schema, config }, async (request, reply) => {
    if (Object.keys(request.query).length === 0)
      throw new BadRequest([
        { field: 'to', message: 'say which letters are meant; to=now means all of them' },
      ])
    const gone = callerSignal(reply)
    const answer = await parts.turn.take(gone, () =>
      discard(parts, request.query, request.principal.name, gone),
    )
    return reply.status(answer.applied ? 200 : 202).send(answer)
  })
  addOne(server, parts)
}

function addOne(server: RestServer, parts: RouteParts): void {
  const schema = answering(
    {
      params: z.object({ id: letterId }),
      tags: ['dead letters'],
      summary: 'Discard one letter, for good',
    },
    { 200: shown, 202: shown, 400: shownError, 404: shownError, 503: shownError },
  )
  server.delete('/api/v1/dead-letters/:id', { schema, config }, async (request, reply) => {
    const { intake, store, passed, turn } = parts
    const gone = callerSignal(reply)
    const answer = await turn.take(gone, async () => {
      const { row, letter } = await findLetter(store, request.params.id, gone)
      const freedBytes = Buffer.byteLength(row.body)
      intake.tick()
      intake.discard({ letters: [named(row)], principal: request.principal.name })
      intake.giveBack(freedBytes, letter.device)
      const { position } = await intake.durable()
      return { discarded: 1, freedBytes, applied: await isApplied(passed, 'dead-letters', position, gone) }
    })
    return reply.status(answer.applied ? 200 : 202).send(answer)
  })
}

const config = { access: 'dead-letters' } as const

type Meant = Wanted & { readonly from?: number | undefined; readonly to?: number | undefined }
type Answer = z.output<typeof shown>

async function discard(
  parts: RouteParts,
  meant: Meant,
  principal: string,
  gone: AbortSignal,
): Promise<Answer> {
  const { intake, store } = parts
  let discarded = 0
  let letters: DiscardedLetter[] = []
  const write = async () => {
    if (letters.length === 0) return
    intake.tick()
    intake.discard({ letters, principal })
    letters = []
    await intake.durable()
  }
  const query = { ...letterQuery(meant, undefined), limit: Number.MAX_SAFE_INTEGER }
  for await (const page of documentPages(store, query, gone)) {
    for (const row of page) {
      const isLetter = readLetter(row.body, meant) !== undefined
      if (!isLetter && !isRecord(row.body, meant)) continue
      letters.push(named(row))
      if (isLetter) discarded++
      if (letters.length === maxPerRecord) await write()
    }
  }
  await write()
  const freedBytes = await giveBack(parts, gone)
  return { discarded, freedBytes: freedBytes ?? 0, applied: freedBytes !== undefined }
}

/**
 * Brings the count of letter bytes down to what the store holds: what was discarded, now or before a crash, and what the store's own
 * retention has removed. A letter that comes meanwhile makes it too little, never too much. Returns undefined where the store needs longer: then
 * the next discard does it.
 */
async function giveBack(parts: RouteParts, gone: AbortSignal): Promise<number | undefined> {
  const { intake } = parts
  const counted = intake.books.letterBytes
  const held = await heldLetters(parts, gone)
  if (held === undefined) return undefined
  const bytes = Math.max(0, counted - held)
  if (bytes === 0) return 0
  intake.giveBack(bytes)
  await intake.durable()
  return bytes
}

/** Records of earlier discards go with the letters of their time, where nothing but time is asked for. */
function isRecord(body: string, { device, source, code }: Wanted): boolean {
  return (
    device === undefined && source === undefined && code === undefined && body.startsWith('{"discarded":')
  )
}

const shown = z.object({
  discarded: z.int().describe('Letters; they are gone from every store and from every replay.'),
  freedBytes: z.int().describe('What deadLetters.maxBytes has room for again.'),
  applied: z
    .boolean()
    .describe('False where the store needs longer; the discard is safe and will be applied.'),
})
