import { z } from 'zod'
import { callerSignal, sendPieces } from './answer-stream.ts'
import * as given from './parameters.ts'
import { answering, reading, type RestServer, type RouteParts } from './rest-parts.ts'
import { rowsPerPiece } from './row-text.ts'
import { shownError } from './shown-answers.ts'
import type { StoreQueries } from './store-queries.ts'

/** Where nothing else is said, the last ten minutes. */
const standardRangeMicros = 600_000_000
const standardPoints = 500
const maxPoints = 5_000

/** `GET /api/history` as the Nexus historian documents it: points of a topic, ascending from `from`, and numbers over the range. */
export function addHistory(server: RestServer, parts: RouteParts): void {
  const { clock, answers } = parts
  const querystring = z
    .object({
      topic: given.name('topic'),
      from: given.time(clock, 'Begin, inclusive; ten minutes before the end unless given.').optional(),
      to: given.time(clock, 'End, exclusive; now unless given.').optional(),
      limit: given.wholeNumber(1, maxPoints).default(standardPoints),
    })
    .transform(({ topic, limit, ...range }) => {
      const to = range.to ?? clock.now()
      return { topic, limit, to, from: range.from ?? to - standardRangeMicros }
    })
    .superRefine(given.beginsBeforeEnd)
  const schema = answering(
    { querystring, tags: ['readings'], summary: 'Points of a topic, in the form of the Nexus historian' },
    { 200: shownHistory, 400: shownError, 503: shownError },
  )
  server.get('/api/history', { schema, config: reading }, (request, reply) => {
    const pieces = historyPieces(parts, request.query, callerSignal(reply))
    return sendPieces(reply, 'application/json; charset=utf-8', pieces, answers)
  })
}

interface HistoryQuery {
  readonly topic: string
  readonly from: number
  readonly to: number
  readonly limit: number
}

async function* historyPieces(
  { store, seriesOfTopic }: RouteParts,
  { topic, from, to, limit }: HistoryQuery,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const series = seriesOfTopic(topic)
  const stats = series && (await statsOf(store, { ...series, from, to }, signal))
  let text = `{"topic":${JSON.stringify(topic)},"stats":${JSON.stringify(stats ?? noStats)},"points":[`
  let separator = ''
  if (series !== undefined) {
    const query = { ...series, from, to, limit, after: undefined, order: 'ascending' } as const
    for await (const rows of store.range(query, signal)) {
      for (let i = 0; i < rows.length; i++) {
        const words = rows.text?.[i]
        const value = words === undefined ? rows.value[i] : `null,"value_str":${JSON.stringify(words)}`
        text += `${separator}{"time":${(rows.time[i] as number) / 1000},"value":${value},"quality":${rows.quality[i]}}`
        separator = ','
        if ((i + 1) % rowsPerPiece !== 0) continue
        yield text
        text = ''
      }
    }
  }
  yield `${text}]}`
}

interface Stats {
  readonly count: number
  readonly avg: number | null
  readonly min: number | null
  readonly max: number | null
  readonly latest: number | null
}

const noStats: Stats = { count: 0, avg: null, min: null, max: null, latest: null }

/** One bucket holds everything since 1970. */
const oneBucket = Number.MAX_SAFE_INTEGER

/** Over the whole range, however many points are shown. What lies before 1970 counts as points, not in the numbers. */
async function statsOf(
  store: StoreQueries,
  range: { device: string; metric: string; from: number; to: number },
  signal: AbortSignal,
): Promise<Stats> {
  const aggregates = ['count', 'avg', 'min', 'max', 'last'] as const
  const query = { ...range, from: Math.max(0, range.from), step: oneBucket, aggregates, limit: 1 }
  for await (const { columns } of query.from < query.to ? store.buckets(query, signal) : []) {
    const first = (column: Float64Array | undefined) => {
      const value = column?.[0]
      return value === undefined || !Number.isFinite(value) ? null : value
    }
    const { count, avg, min, max, last } = columns
    return {
      count: first(count) ?? 0,
      avg: first(avg),
      min: first(min),
      max: first(max),
      latest: first(last),
    }
  }
  return noStats
}

const shownHistory = z.object({
  topic: z.string(),
  stats: z.object({
    count: z.int(),
    avg: z.number().nullable(),
    min: z.number().nullable(),
    max: z.number().nullable(),
    latest: z.number().nullable(),
  }),
  points: z.array(
    z.object({
      time: z.number().describe('ms since 1970'),
      value: z.number().nullable(),
      value_str: z.string().optional(),
      quality: z.int(),
    }),
  ),
})
