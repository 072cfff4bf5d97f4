import { z } from 'zod'
import type { DiscardedLetter } from '../../core/discard.ts'
import { SluiceError } from '../../core/errors.ts'
import { BadRequest } from '../error-answer.ts'
import { callerSignal } from './answer-stream.ts'
import { isApplied } from './applied.ts'
import { documentPages } from './document-pages.ts'
import { letterFilter, letterQuery, readLetter, type Wanted } from './letter-filter.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownError } from './shown-answers.ts'

/** Letters of one record of the log: a few hundred KB. */
const maxPerRecord = 10_000

/** `DELETE /api/v1/dead-letters`: a user's way to make room. Letters are never removed by anybody else. */
export function addDiscards(server: RestServer, parts: RouteParts): void {
  const schema = answering(
    {
      querystring: z.strictObject(letterFilter(parts.clock)),
      tags: ['dead letters'],
      summary: 'Discard the letters that fit, for good',
    },
    { 200: shown, 202: shown, 400: shownError, 403: shownError, 503: shownError },
  )
  // Bytes are given back once only if one discard has reached the store before the next one looks into it.
  let isBusy = false
  server.delete('/api/v1/dead-letters', { schema, config }, async (request, reply) => {
    if (Object.keys(request.query).length === 0)
      throw new BadRequest([
        { field: 'to', message: 'say which letters are meant; to=now means all of them' },
      ])
    if (isBusy) throw new SluiceError('busy', 'letters are being discarded by somebody else')
    isBusy = true
    try {
      const answer = await discard(parts, request.query, request.principal.name, callerSignal(reply))
      return await reply.status(answer.applied ? 200 : 202).send(answer)
    } finally {
      isBusy = false
    }
  })
}

const config = { access: 'dead-letters' } as const

type Meant = Wanted & { readonly from?: number | undefined; readonly to?: number | undefined }
type Answer = z.output<typeof shown>

async function discard(
  { intake, store, passed }: RouteParts,
  meant: Meant,
  principal: string,
  gone: AbortSignal,
): Promise<Answer> {
  const code = intake.refusal()
  if (code !== undefined) throw new SluiceError(code, 'nothing can be discarded now')
  // Also what was discarded before a crash.
  let { position } = await intake.durable()
  if (!(await isApplied(passed, 'dead-letters', position, gone)))
    throw new SluiceError('store-down', 'the store is too far behind to discard anything')
  let [discarded, freedBytes] = [0, 0]
  let record: DiscardedLetter[] = []
  let recordBytes = 0
  const write = async () => {
    if (record.length === 0) return
    intake.tick()
    intake.discard({ letters: record, principal }, recordBytes)
    ;({ position } = await intake.durable())
    freedBytes += recordBytes
    record = []
    recordBytes = 0
  }
  const query = { ...letterQuery(meant, undefined), limit: Number.MAX_SAFE_INTEGER }
  for await (const page of documentPages(store, query, gone)) {
    for (const { seq, time, body } of page) {
      const isLetter = readLetter(body, meant) !== undefined
      if (!isLetter && !isRecord(body, meant)) continue
      record.push({ number: seq, time })
      recordBytes += Buffer.byteLength(body)
      if (isLetter) discarded++
      if (record.length === maxPerRecord) await write()
    }
  }
  await write()
  const applied = await isApplied(passed, 'dead-letters', position, gone)
  return { discarded, freedBytes, applied }
}

/** Records of earlier discards go with the letters of their time, where nothing but time is asked for. */
function isRecord(body: string, { device, source, code }: Wanted): boolean {
  return (
    device === undefined && source === undefined && code === undefined && body.startsWith('{"discarded":')
  )
}

const shown = z.object({
  discarded: z.int().describe('Letters; they are gone from every store and from every replay.'),
  freedBytes: z.int().describe('What they held of deadLetters.maxBytes.'),
  applied: z
    .boolean()
    .describe('False where the store needs longer; the discard is safe and will be applied.'),
})
