import { z } from 'zod'
import { errorTable, type ErrorCode } from '../../core/errors.ts'
import { letterReplaysStream } from '../../core/letter-replay.ts'
import { encodeCursor, type Position } from '../../core/position.ts'
import type { DocumentRow } from '../../core/store.ts'
import { BadRequest, errorBody, refuse } from '../error-answer.ts'
import { callerSignal } from './answer-stream.ts'
import { isApplied } from './applied.ts'
import { documentPages } from './document-pages.ts'
import { findLetter, letterId } from './find-letter.ts'
import { type LetterBody, letterFilter, letterQuery, maxLooked, readLetter } from './letter-filter.ts'
import { type Asked, type Failure, LetterReader, named } from './letter-reader.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import { answering, type RestServer, type RouteParts } from './rest-parts.ts'
import { rowNotPassed, rowPatience } from './row-passed.ts'
import { shownError, shownNext } from './shown-answers.ts'

const config = { access: 'replay' } as const

/** `POST /api/v1/dead-letters/{id}/replay` and `POST /api/v1/dead-letters/replay`: letters are read again, and taken away with what they become. */
export function addLetterReplays(server: RestServer, parts: RouteParts): void {
  const reader = new LetterReader(parts)
  addOne(server, parts, reader)
  addMany(server, parts, reader)
}

function addOne(server: RestServer, parts: RouteParts, reader: LetterReader): void {
  const { limits, turn, store, passed } = parts
  const body = z
    .strictObject(
      {
        text: z
          .string('expected a text')
          .refine((text) => text.isWellFormed(), 'must be Unicode')
          .optional()
          .describe('What is read instead of the original bytes, as JSON.'),
        bytes: z
          .base64('expected base64')
          .optional()
          .describe('The same in base64, read in the format of the letter.'),
        topic: z
          .string('expected a text')
          .min(1, 'must not be empty')
          .refine(
            (text) => Buffer.byteLength(text) <= limits.topicBytes,
            `${limits.topicBytes} bytes at most`,
          )
          .refine((text) => text.isWellFormed() && !/[\0+#]/.test(text), 'must be a topic, without + and #')
          .optional()
          .describe('The topic whose names hold, instead of the one that it came by.'),
      },
      'expected a JSON object with text, bytes or topic',
    )
    .refine(
      ({ text, bytes }) => text === undefined || bytes === undefined,
      'expected text or bytes, not both',
    )
    .nullish()
  const schema = answering(
    {
      params: z.object({ id: letterId }),
      body,
      tags: ['dead letters'],
      summary: 'Read a letter again, as it was or corrected; it is gone with the commit that holds its rows',
    },
    { 200: shownOne, 202: shownOne, 400: shownError, 404: shownError, 503: shownError },
  )
  // Base64 and the escapes of JSON take more room than what they stand for.
  const bodyLimit = 2 * limits.batchBytes
  server.post('/api/v1/dead-letters/:id/replay', { schema, config, bodyLimit }, async (request, reply) => {
    const { text, bytes, topic } = request.body ?? {}
    const correction = { text, bytes: bytes === undefined ? undefined : Buffer.from(bytes, 'base64'), topic }
    const gone = callerSignal(reply)
    const caller = request.principal
    // Who reads the answer slowly holds up nobody else.
    const answer = await turn.take(gone, async (now) => {
      const { row, letter } = await findLetter(store, request.params.id, gone)
      const early = await rowNotPassed(parts, letter, now, gone, rowPatience())
      if (early !== undefined) return early
      await parts.intake.room()
      const rows = reader.read(row, letter, correction, { caller, now })
      if (typeof rows !== 'number') return rows
      const position = await take(parts, [[row, letter]], caller.name)
      const applied = await isApplied(passed, 'dead-letters', position, gone)
      return { rows, applied, position, letter }
    })
    if ('reason' in answer) return refused(reply, request.id, answer)
    const { rows, position } = answer
    // A sink that is away holds up nobody else's turn.
    const applied = answer.applied && (await hasArrived(parts, answer.letter, position, gone))
    return reply.status(applied ? 200 : 202).send({ rows, applied, cursor: encodeCursor([position]) })
  })
}

/** Letters of one commit: what they become is held in memory until it is on disk. */
const maxTogether = 200
const maxTogetherChars = 256 * 1024
/** Failures told of one answer. */
const maxTold = 20
const mostLetters = 10_000

function addMany(server: RestServer, parts: RouteParts, reader: LetterReader): void {
  const querystring = z
    .strictObject({
      ...letterFilter(parts.clock),
      limit: given
        .wholeNumber(1, mostLetters)
        .default(given.standardLimit)
        .describe(`Letters tried: ${given.standardLimit} unless given, at most ${mostLetters}.`),
      cursor: given.cursor(z.tuple([given.sequence])),
    })
    .superRefine(given.beginsBeforeEnd)
  const schema = answering(
    {
      querystring,
      tags: ['dead letters'],
      summary: 'Read the letters that fit again, oldest first; those that fail stay',
    },
    { 200: shownMany, 400: shownError, 503: shownError },
  )
  server.post('/api/v1/dead-letters/replay', { schema, config }, async (request, reply) => {
    const { limit, cursor, ...wanted } = request.query
    if (Object.values(wanted).every((value) => value === undefined))
      throw new BadRequest([
        { field: 'to', message: 'say which letters are meant; to=now means all of them' },
      ])
    const gone = callerSignal(reply)
    return await parts.turn.take(gone, async (now) => {
      const query = { ...letterQuery(wanted, undefined), after: cursor?.[0] ?? -1n }
      const many = new Many(parts, reader, { caller: request.principal, now }, gone)
      let left = limit
      let looked = 0
      let last = query.after
      const answer = (isMore: boolean) => ({
        ...many.counts,
        ...(isMore ? { next: encodePage([String(last)]) } : {}),
      })
      for await (const page of documentPages(parts.store, query, gone)) {
        for (const row of page) {
          const letter = readLetter(row.body, wanted)
          if (letter !== undefined) {
            if (left === 0) {
              await many.flush()
              return answer(true)
            }
            left--
            await many.add(row, letter)
          }
          last = row.seq
          looked++
        }
        await many.flush()
      }
      return answer(looked === maxLooked)
    })
  })
}

type Taken = readonly [row: DocumentRow, letter: LetterBody]

/** Reads letters again, some in a commit. */
class Many {
  readonly counts = {
    replayed: 0,
    rows: 0,
    failed: 0,
    failures: [] as ({ readonly id: string } & Failure)[],
  }
  readonly #parts: RouteParts
  readonly #reader: LetterReader
  readonly #asked: Asked
  readonly #gone: AbortSignal
  #open: Taken[] = []
  #chars = 0

  constructor(parts: RouteParts, reader: LetterReader, asked: Asked, gone: AbortSignal) {
    this.#parts = parts
    this.#reader = reader
    this.#asked = asked
    this.#gone = gone
  }

  async add(row: DocumentRow, letter: LetterBody): Promise<void> {
    this.#open.push([row, letter])
    this.#chars += row.body.length
    if (this.#open.length >= maxTogether || this.#chars >= maxTogetherChars) await this.flush()
  }

  async flush(): Promise<void> {
    if (this.#open.length === 0) return
    const late = rowPatience()
    const early: (Failure | undefined)[] = []
    for (const [, letter] of this.#open)
      early.push(await rowNotPassed(this.#parts, letter, this.#asked.now, this.#gone, late))
    await this.#parts.intake.room()
    const taken: Taken[] = []
    const { counts } = this
    let rows = 0
    for (const [i, [row, letter]] of this.#open.entries()) {
      const read = early[i] ?? this.#reader.read(row, letter, {}, this.#asked)
      if (typeof read === 'number') {
        taken.push([row, letter])
        rows += read
      } else {
        counts.failed++
        if (counts.failures.length < maxTold) counts.failures.push({ id: String(row.seq), ...read })
      }
    }
    this.#open = []
    this.#chars = 0
    if (taken.length === 0) return
    await take(this.#parts, taken, this.#asked.caller.name)
    counts.replayed += taken.length
    counts.rows += rows
  }
}

/** Takes the letters away in the commit that holds what they have become: nothing may be awaited between that and this. */
async function take({ intake }: RouteParts, taken: readonly Taken[], principal: string) {
  intake.discard({ letters: taken.map(([row]) => named(row)), principal, replayed: true })
  for (const [{ body }, { device }] of taken) intake.giveBack(Buffer.byteLength(body), device)
  const { position } = await intake.durable()
  return position
}

/** Waits for what the letter has become: rows of the store, or the row of a sink at that sink. */
function hasArrived(
  { passed, sinks }: RouteParts,
  { key, source }: LetterBody,
  position: Position,
  gone: AbortSignal,
): Promise<boolean> {
  const sink = key === undefined ? undefined : sinks.get(source)
  return sink === undefined
    ? isApplied(passed, 'readings', position, gone)
    : isApplied((...asked) => sink.passed(...asked), letterReplaysStream, position, gone)
}

function refused(reply: Parameters<typeof refuse>[0], requestId: string, { code, reason, field }: Failure) {
  const details = field === undefined ? undefined : [{ field, message: reason }]
  const body = errorBody(code, `it fails again, and stays: ${reason}`, requestId, details)
  return refuse(reply, code).code(errorTable[code].http).send(JSON.stringify(body))
}

const shownOne = z.object({
  rows: z
    .int()
    .describe('Readings that it has become; 1 for the row of a sink, which is handed to it again.'),
  applied: z
    .boolean()
    .describe(
      'True where they stand in the store, or the sink has the row; false where it needs longer: it is safe and will be applied.',
    ),
  cursor: z.string(),
})

const codes = Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]] // the table has rows
const shownMany = z.object({
  replayed: z.int().describe('Letters; they are gone.'),
  rows: z.int().describe('What they have become.'),
  failed: z.int().describe('Letters that could not be read again; they stay.'),
  failures: z
    .array(
      z.object({
        id: z.string(),
        code: z.enum(codes),
        reason: z.string(),
        field: z.string().optional(),
      }),
    )
    .describe(`The first ${maxTold} of those.`),
  next: shownNext,
})
