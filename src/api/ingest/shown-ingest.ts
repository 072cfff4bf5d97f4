const answer = {
  type: 'object',
  properties: {
    accepted: { type: 'integer', description: 'Readings taken.' },
    refused: { type: 'integer', description: 'Records not taken.' },
    cursor: {
      type: 'string',
      description: 'Where the log stands behind them; a live subscription may begin here.',
    },
  },
}
const refusal = {
  type: 'object',
  properties: {
    line: { type: 'integer', description: 'From 1, where the body is lines.' },
    index: { type: 'integer', description: 'From 0, in an array.' },
    field: { type: 'string' },
    code: { type: 'string' },
    reason: { type: 'string' },
  },
}
const error = { type: 'object', properties: { code: { type: 'string' }, message: { type: 'string' } } }

/** What the OpenAPI document says of `POST /api/v1/readings`, which looks at its bodies itself. */
export const shownIngest = {
  tags: ['ingest'],
  summary: 'Take readings; acknowledged when they are safe on disk',
  description:
    'One record, an array of records, or lines of them. Each record is judged alone: the good ones are kept, whatever stands beside them. A body may be packed with gzip or zstd.',
  consumes: ['application/json', 'application/x-ndjson'],
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
    202: { description: 'Everything is taken and durable.', ...answer },
    400: {
      description: 'Some records are refused; the others are taken and durable.',
      type: 'object',
      properties: {
        ...answer.properties,
        refusals: { type: 'array', items: refusal, description: 'The first hundred.' },
        error,
      },
    },
    413: {
      description: 'The body, or its only record, is too large.',
      type: 'object',
      properties: { error },
    },
    415: { description: 'Content type or encoding is not taken.', type: 'object', properties: { error } },
    503: {
      description: 'There is no room now: try again after Retry-After seconds.',
      type: 'object',
      properties: { error },
    },
  },
}
