import { z } from 'zod'
import { asOfText } from './as-of.ts'
import { callerSignal, sendPieces } from './answer-stream.ts'
import { listPieces } from './list-pieces.ts'
import { encodePage } from './page-cursor.ts'
import * as given from './parameters.ts'
import { answering, reading, type RestServer, type RouteParts } from './rest-parts.ts'
import { shownAsOf, shownError, shownNext, shownQuality, shownTime, shownValue } from './shown-answers.ts'

const json = 'application/json; charset=utf-8'

/** What there is: devices, series, and the newest reading of each series. */
export function addLists(server: RestServer, parts: RouteParts): void {
  addDevices(server, parts)
  addSeries(server, parts)
  addLatest(server, parts)
}

function addDevices(server: RestServer, { store, position, answers }: RouteParts): void {
  const querystring = z.strictObject({
    prefix: given.name('device').optional().describe('What the names begin with.'),
    match: given.match.optional().describe('Words that the name holds, in any case.'),
    limit: given.limit,
    cursor: given.cursor(z.tuple([z.string()])),
    time: given.timeForm,
  })
  const shown = z.object({
    asOf: shownAsOf,
    total: z.int().describe('Devices that fit, on all pages.'),
    devices: z.array(z.object({ device: z.string(), series: z.int(), lastTime: shownTime })),
    next: shownNext,
  })
  const schema = answering(
    { querystring, tags: ['devices'], summary: 'Devices that have readings, by name' },
    { 200: shown, 400: shownError, 503: shownError },
  )
  server.get('/api/v1/devices', { schema, config: reading }, async (request, reply) => {
    const { prefix = '', match = '', limit, cursor, time } = request.query
    const query = { prefix, match, after: cursor?.[0], limit: limit + 1 }
    const [asOf, { rows, total }] = await Promise.all([position(), store.devices(query, callerSignal(reply))])
    const pieces = listPieces(`{${asOfText(asOf)}"total":${total},"devices":[`, rows, limit, {
      row: ({ device, series, lastTime }) =>
        `{"device":${JSON.stringify(device)},"series":${series},"lastTime":${time(lastTime)}}`,
      behind: ({ device }) => `"next":"${encodePage([device])}"`,
    })
    return sendPieces(reply, json, pieces, answers)
  })
}

function addSeries(server: RestServer, { store, answers }: RouteParts): void {
  const querystring = z.strictObject({
    device: given.name('device').optional(),
    limit: given.limit,
    cursor: given.cursor(z.tuple([z.string(), z.string()])),
    time: given.timeForm,
  })
  const shown = z.object({
    series: z.array(
      z.object({
        device: z.string(),
        metric: z.string(),
        unit: z.string(),
        kind: z.enum(['number', 'text', 'mixed']),
        firstTime: shownTime,
        lastTime: shownTime,
      }),
    ),
    next: shownNext,
  })
  const schema = answering(
    { querystring, tags: ['devices'], summary: 'Series that have readings, by device and metric' },
    { 200: shown, 400: shownError, 503: shownError },
  )
  server.get('/api/v1/series', { schema, config: reading }, async (request, reply) => {
    const { device, limit, cursor, time } = request.query
    const after = cursor && { device: cursor[0], metric: cursor[1] }
    const rows = await store.series(device, after, limit + 1, callerSignal(reply))
    const pieces = listPieces('{"series":[', rows, limit, {
      row: ({ device, metric, unit, kind, firstTime, lastTime }) =>
        `{"device":${JSON.stringify(device)},"metric":${JSON.stringify(metric)},"unit":${JSON.stringify(unit)},"kind":"${kind}","firstTime":${time(firstTime)},"lastTime":${time(lastTime)}}`,
      behind: ({ device, metric }) => `"next":"${encodePage([device, metric])}"`,
    })
    return sendPieces(reply, json, pieces, answers)
  })
}

function addLatest(server: RestServer, { store, position, answers }: RouteParts): void {
  const querystring = z.strictObject({
    device: given.name('device').optional(),
    limit: given.limit,
    time: given.timeForm,
  })
  const shown = z.object({
    asOf: shownAsOf,
    latest: z.array(
      z.object({
        device: z.string(),
        metric: z.string(),
        unit: z.string(),
        time: shownTime,
        value: shownValue,
        quality: shownQuality,
      }),
    ),
    truncated: z.literal(true).optional().describe('There are more series than the limit.'),
  })
  const schema = answering(
    {
      querystring,
      tags: ['readings'],
      summary: 'The newest reading of each series, of one device or of all',
    },
    { 200: shown, 400: shownError, 503: shownError },
  )
  server.get('/api/v1/latest', { schema, config: reading }, async (request, reply) => {
    const { device, limit, time: timeText } = request.query
    const [asOf, rows] = await Promise.all([position(), store.latest(device, limit + 1, callerSignal(reply))])
    const pieces = listPieces(`{${asOfText(asOf)}"latest":[`, rows, limit, {
      row: ({ device, metric, unit, time, value, quality }) =>
        `{"device":${JSON.stringify(device)},"metric":${JSON.stringify(metric)},"unit":${JSON.stringify(unit)},"time":${timeText(time)},"value":${JSON.stringify(value)},"quality":${quality}}`,
      behind: () => '"truncated":true',
    })
    return sendPieces(reply, json, pieces, answers)
  })
}
