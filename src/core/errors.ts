/**
 * Every failure Sluice names, in one table. A code says who must act, whether trying again can help, and what to do;
 * HTTP status, MQTT reason, gRPC status, log level and exit code follow from the row, so no door invents its own.
 */
export interface ErrorRow {
  /** Who can mend it: the sender of the data, the caller of an API, the operator, or us. */
  readonly actor: 'sender' | 'caller' | 'operator' | 'sluice'
  readonly retry: boolean
  readonly http: number
  /** MQTT 5 reason code (MQTT 5 §2.4). */
  readonly mqtt: number
  /** gRPC status code. */
  readonly grpc: number
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly hint: string
}

const row = (
  actor: ErrorRow['actor'],
  retry: boolean,
  http: number,
  mqtt: number,
  grpc: number,
  level: ErrorRow['level'],
  hint: string,
): ErrorRow => ({ actor, retry, http, mqtt, grpc, level, hint })

export const errorTable = {
  undecodable: row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'The payload is in no form that Sluice reads; see docs/protocols.md.',
  ),
  'invalid-value': row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'A value must be a finite number, a boolean or a text within its limits.',
  ),
  'invalid-time': row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'Send RFC 3339 with a zone, or a number of the unit that the form expects, at most limits.aheadMicros ahead of now.',
  ),
  'invalid-name': row(
    'sender',
    false,
    400,
    0x90,
    3,
    'warn',
    'Names are UTF-8 without U+0000 and within the topic limit.',
  ),
  'missing-field': row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'The form that was recognised needs this field.',
  ),
  'unknown-metric': row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'The series is not declared and series.strict is on.',
  ),
  'wrong-kind': row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'The series is declared with another kind of value.',
  ),
  'too-large': row(
    'sender',
    false,
    413,
    0x95,
    8,
    'warn',
    'Send less at once, or raise the setting that the message names.',
  ),
  'not-ingest': row(
    'operator',
    false,
    400,
    0x90,
    3,
    'warn',
    'Nothing under topics fits where it came from: add a template and replay the letter, or take less from the server.',
  ),
  'unsupported-media': row(
    'sender',
    false,
    415,
    0x99,
    3,
    'info',
    'Send a content type and encoding that /openapi.json names for the route.',
  ),
  'malformed-packet': row(
    'sender',
    false,
    400,
    0x81,
    3,
    'warn',
    'The bytes are not the protocol this port speaks.',
  ),
  'protocol-error': row(
    'sender',
    false,
    400,
    0x82,
    3,
    'warn',
    'The packet is not allowed at this point of the protocol.',
  ),
  'series-limit': row(
    'operator',
    false,
    503,
    0x97,
    8,
    'error',
    'Raise limits.series or limits.seriesPerDevice, or find the device that invents names.',
  ),
  'not-authenticated': row('caller', false, 401, 0x86, 16, 'info', 'Send credentials.'),
  'not-allowed': row('caller', false, 403, 0x87, 7, 'info', 'Ask an administrator for the right.'),
  'bad-request': row('caller', false, 400, 0x83, 3, 'info', 'Correct the named parameters.'),
  'not-found': row('caller', false, 404, 0x83, 5, 'info', 'Check the name.'),
  conflict: row('caller', false, 409, 0x83, 6, 'info', 'Choose another name, or end what has it.'),
  busy: row('caller', true, 503, 0x97, 8, 'warn', 'Try again after the time given.'),
  'disk-full': row(
    'operator',
    true,
    503,
    0x97,
    8,
    'error',
    'Free space on the data disk; where /status shows the log at log.maxBytes, mend the sink that is furthest behind, or raise that. Intake resumes by itself.',
  ),
  'log-read-only': row(
    'operator',
    true,
    503,
    0x97,
    14,
    'error',
    'The disk refused two syncs in a row; check it, then restart.',
  ),
  'log-locked': row(
    'operator',
    false,
    500,
    0x80,
    9,
    'error',
    'Another Sluice uses this data folder; stop it or choose another --data.',
  ),
  'log-version': row(
    'operator',
    false,
    500,
    0x80,
    9,
    'error',
    'The data folder was written by a newer Sluice; use that version.',
  ),
  'log-behind': row(
    'operator',
    false,
    500,
    0x80,
    9,
    'error',
    'A sink has taken more than the log holds: its folder is an older copy. It goes on under another id; what the copy lacks stands in the stores alone.',
  ),
  'store-down': row(
    'operator',
    true,
    503,
    0x80,
    14,
    'error',
    'The store cannot be reached; the log keeps its rows meanwhile.',
  ),
  'store-refused': row(
    'operator',
    false,
    500,
    0x80,
    9,
    'error',
    'The store refuses every row: check schema, permission and disk.',
  ),
  'row-refused': row(
    'sender',
    false,
    400,
    0x99,
    3,
    'warn',
    'The store refused this row; it stands in the dead letters.',
  ),
  'config-invalid': row('operator', false, 500, 0x80, 3, 'error', 'Correct the named settings.'),
  closed: row('sluice', true, 503, 0x8b, 14, 'info', 'Sluice is shutting down.'),
  internal: row('sluice', false, 500, 0x80, 13, 'error', 'A defect of Sluice: please report it.'),
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorTable

/** The one error class: a code of the table, a sentence for people, and what caused it. */
export class SluiceError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, cause?: unknown) {
    // Of a sender's fault as in `withoutStack`, which cannot hold a call of `super`.
    const { stackTraceLimit } = Error
    if (errorTable[code].actor === 'sender') Error.stackTraceLimit = 0
    super(message, cause === undefined ? undefined : { cause })
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'SluiceError'
    this.code = code
  }
}

/**
 * Runs what throws where a sender's record is at fault. Where in the code that shows helps nobody, and a stack is what costs most about an
 * error (8 µs, without 0.6): it gets none, as a SluiceError of such a code gets none.
 */
export function withoutStack<T>(work: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return work()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
