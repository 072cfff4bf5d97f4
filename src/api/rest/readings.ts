import { z } from 'zod'
import type { Aggregate, BucketQuery, BucketRows, RangeRows } from '../../core/store.ts'
import { asOfText } from './as-of.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import type { TimeText } from './query-time.ts'
import { answering, reading, type RestServer, type RouteParts } from './rest-parts.ts'
import { bucketText, rangeText, rowsPerPiece } from './row-text.ts'
import { shownAsOf, shownError, shownNext, shownQuality, shownTime, shownValue } from './shown-answers.ts'

const aggregates = [
  'avg',
  'min',
  'max',
  'sum',
  'count',
  'first',
  'last',
  'worstQuality',
] as const satisfies readonly Aggregate[]
const isAggregate = (word: string): word is Aggregate => (aggregates as readonly string[]).includes(word)

/** Where nothing else is said, the last hour. */
const standardRangeMicros = 3_600_000_000

/** `GET /api/v1/readings`: raw rows in pages, or buckets. */
export function addReadings(server: RestServer, parts: RouteParts): void {
  const { clock, store, position, answers } = parts
  const querystring = z
    .strictObject({
      device: given.name('device'),
      metric: given.name('metric').optional(),
      from: given.time(clock, 'Begin, inclusive; an hour before the end unless given.').optional(),
      to: given.time(clock, 'End, exclusive; now unless given.').optional(),
      limit: given.limit,
      cursor: given.cursor(z.tuple([z.string(), given.cursorTime, given.sequence])),
      order: z.enum(['asc', 'desc'], { error: 'expected asc or desc' }).optional(),
      step: given.duration.optional().describe('Length of a bucket; without it the answer is raw rows.'),
      aggregate: given
        .parameter(readAggregates, `some of ${aggregates.join()}`, {
          type: 'string',
          description: `What is told of each bucket, with commas between: ${aggregates.join(', ')}; avg unless given.`,
        })
        .optional(),
      time: given.timeForm,
    })
    .transform((query) => {
      const to = query.to ?? clock.now()
      return { ...query, to, from: query.from ?? to - standardRangeMicros }
    })
    .superRefine(({ from, to, step, aggregate, cursor, order }, context) => {
      const fault = (path: string, message: string) =>
        context.addIssue({ code: 'custom', path: [path], message })
      if (from >= to) fault('from', 'must lie before to')
      if (step === undefined && aggregate !== undefined) fault('aggregate', 'needs step')
      if (step !== undefined && cursor !== undefined)
        fault('cursor', 'buckets have no pages: ask for less, or a longer step')
      if (step !== undefined && order !== undefined) fault('order', 'buckets ascend')
    })
  const schema = answering(
    {
      querystring,
      tags: ['readings'],
      summary: 'Readings of a device: raw rows by (metric, time), or buckets with step',
    },
    { 200: z.union([shownRows, shownBuckets]), 400: shownError, 503: shownError },
  )
  server.get('/api/v1/readings', { schema, config: reading }, (request, reply) => {
    const { device, metric, from, to, limit, step, time } = request.query
    const signal = callerSignal(reply)
    // One more than asked for shows whether there is more.
    const range = { device, metric, from, to, limit: limit + 1 }
    // Asked before the first piece is: an answer may hold more than it says, never less.
    const begin = async () => `{"device":${JSON.stringify(device)},${asOfText(await position())}`
    let pieces: AsyncGenerator<string>
    if (step === undefined) {
      const { cursor, order } = request.query
      const after = cursor && { metric: cursor[0], time: cursor[1], seq: cursor[2] }
      const direction = order === 'desc' ? 'descending' : 'ascending'
      const found = store.range({ ...range, after, order: direction }, signal)
      pieces = rangePieces(begin, found, limit, time)
    } else {
      const query: BucketQuery = { ...range, step, aggregates: request.query.aggregate ?? ['avg'] }
      pieces = bucketPieces(begin, query, store.buckets(query, signal), limit, time)
    }
    return sendPieces(reply, 'application/json; charset=utf-8', pieces, answers)
  })
}

async function* rangePieces(
  begin: () => Promise<string>,
  found: AsyncIterable<RangeRows>,
  limit: number,
  time: TimeText,
): AsyncGenerator<string> {
  let head = `${await begin()}"rows":[`
  let left = limit
  let next = ''
  for await (const rows of found) {
    const length = Math.min(rows.length, left)
    for (let at = 0; at < length; at += rowsPerPiece) {
      yield head + rangeText(rows, at, Math.min(length, at + rowsPerPiece), time)
      head = ','
    }
    left -= length
    if (length > 0) next = pageBehind(rows, length - 1)
    if (length < rows.length) {
      yield `],"next":"${next}"}`
      return
    }
  }
  yield `${head === ',' ? '' : head}]}`
}

/** The cursor of what follows row i. */
function pageBehind({ metric, time, seq }: RangeRows, i: number): string {
  return encodePage([metric[i] as string, time[i] as number, String(seq[i])])
}

async function* bucketPieces(
  begin: () => Promise<string>,
  { step, aggregates }: BucketQuery,
  found: AsyncIterable<BucketRows>,
  limit: number,
  time: TimeText,
): AsyncGenerator<string> {
  let head = `${await begin()}"step":${step / 1000},"buckets":[`
  let left = limit
  for await (const rows of found) {
    const length = Math.min(rows.length, left)
    for (let at = 0; at < length; at += rowsPerPiece) {
      yield head + bucketText(rows, aggregates, at, Math.min(length, at + rowsPerPiece), time)
      head = ','
    }
    left -= length
    if (length < rows.length) {
      yield '],"truncated":true}'
      return
    }
  }
  yield `${head === ',' ? '' : head}]}`
}

function readAggregates(text: string): readonly Aggregate[] | undefined {
  const words = text.split(',')
  return words.every(isAggregate) && new Set(words).size === words.length ? words : undefined
}

const shownRows = z.object({
  device: z.string(),
  asOf: shownAsOf,
  rows: z.array(z.object({ metric: z.string(), time: shownTime, value: shownValue, quality: shownQuality })),
  next: shownNext,
})

const shownBuckets = z.object({
  device: z.string(),
  asOf: shownAsOf,
  step: z.number().describe('ms'),
  buckets: z.array(
    z.object({
      metric: z.string(),
      time: shownTime.describe('Begin of the bucket; buckets are aligned to 1970.'),
      avg: z.number().optional(),
      min: z.number().optional(),
      max: z.number().optional(),
      sum: z.number().optional(),
      count: z.number().optional().describe('All rows, texts too.'),
      first: z.number().optional(),
      last: z.number().optional(),
      worstQuality: shownQuality.optional().describe('The lowest quality of all rows, texts too.'),
    }),
  ),
  truncated: z.literal(true).optional().describe('There are more buckets than the limit.'),
})
