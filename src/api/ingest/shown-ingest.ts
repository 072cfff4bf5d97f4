import { z } from 'zod'
import { shownError } from '../rest/shown-answers.ts'

const answer = {
  accepted: z.int().describe('Readings taken.'),
  refused: z.int().describe('Records not taken.'),
  cursor: z.string().describe('Where the log stands behind them; a live subscription may begin here.'),
}
const refusal = z.object({
  line: z.int().optional().describe('From 1, where the body is lines.'),
  index: z.int().optional().describe('From 0, in an array.'),
  field: z.string().optional(),
  code: shownError.shape.error.shape.code,
  reason: z.string(),
})
/** Without the members of an answer where the body was not looked at. */
const refused = shownError.extend({
  ...z.object(answer).partial().shape,
  refusals: z.array(refusal).optional().describe('The first hundred.'),
})

/** What the OpenAPI document says of `POST /api/v1/readings`, which looks at its bodies itself. */
export const shownIngest = {
  tags: ['ingest'],
  summary: 'Take readings; acknowledged when they are safe on disk',
  description:
    'One record, an array of records, or lines of them; or a Reading or ReadingBatch of proto/sluice/v1. Each record is judged alone: the good ones are kept, whatever stands beside them. A body may be packed with gzip or zstd.',
  consumes: ['application/json', 'application/x-ndjson', 'application/x-protobuf'],
  querystring: {
    type: 'object',
    properties: { device: { type: 'string', description: 'The device of records that name none.' } },
  },
  body: {
    examples: [
      { device_id: 'pump1', tag_id: 'temperature', v: 25.5, q: 'good', u: '°C', ts: 1_705_314_600_000 },
      [{ device: 'pump1', time: '2024-01-15T10:30:00Z', temperature: 25.5, pressure: 1.02 }],
    ],
  },
  response: {
    202: z.object(answer).describe('Everything is taken and durable.'),
    400: refused.describe('Some records are refused; the others are taken and durable.'),
    413: refused.describe('The body, or its only record, is too large.'),
    415: shownError.describe('Content type or encoding is not taken.'),
    503: refused.describe('There is no room now: try again after Retry-After seconds.'),
  },
}
