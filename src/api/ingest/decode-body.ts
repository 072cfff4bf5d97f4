import type { ErrorCode } from '../../core/errors.ts'
import type { Format, RecordRefusal, Route } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'

/** A record of a body that was not taken, as its sender is told. */
export interface ToldRefusal {
  /** Line of the body, from 1; only where the body is lines. */
  readonly line?: number
  /** Place in the array, from 0; of a line only where the line is an array. */
  readonly index?: number
  readonly field?: string
  readonly code: ErrorCode
  readonly reason: string
}

/** What became of the records of a body. */
export interface Outcome {
  /** Readings added. */
  accepted: number
  /** Records not taken. */
  refused: number
  /** The first of them. */
  readonly refusals: ToldRefusal[]
  /** The one code of all refusals; undefined where there are none, or several. */
  code: ErrorCode | undefined
}

/** Most refusals that one answer lists. */
export const maxTold = 100

const newline = 0x0a

/** Takes a body that is one payload: a record, an array or a batch. */
export function decodeWhole(body: Uint8Array, route: Route, format: Format, intake: Intake): Outcome {
  const outcome = newOutcome()
  const refuse = (refusal: RecordRefusal) => note(outcome, refusal, { index: refusal.index })
  outcome.accepted = format.decode(body, 0, body.length, route, intake, refuse)
  return outcome
}

/** Takes a body of lines, each a payload of its own. Blank lines are none. */
export function decodeLines(body: Uint8Array, route: Route, format: Format, intake: Intake): Outcome {
  const outcome = newOutcome()
  let line = 0
  let isArray = false
  const refuse = (refusal: RecordRefusal) =>
    note(outcome, refusal, isArray ? { line, index: refusal.index } : { line })
  for (let at = 0; at < body.length; ) {
    const found = body.indexOf(newline, at)
    const end = found < 0 ? body.length : found
    line++
    const start = skipBlank(body, at, end)
    if (start < end) {
      isArray = body[start] === 0x5b
      outcome.accepted += format.decode(body, start, end, route, intake, refuse)
    }
    at = end + 1
  }
  return outcome
}

function newOutcome(): Outcome {
  return { accepted: 0, refused: 0, refusals: [], code: undefined }
}

function note(
  outcome: Outcome,
  { code, reason, field }: RecordRefusal,
  place: Pick<ToldRefusal, 'line' | 'index'>,
): void {
  if (outcome.refused === 0) outcome.code = code
  else if (outcome.code !== code) outcome.code = undefined
  outcome.refused++
  if (outcome.refusals.length < maxTold)
    outcome.refusals.push({ ...place, ...(field === undefined ? {} : { field }), code, reason })
}

function skipBlank(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && isBlank(bytes[at] as number)) at++
  return at
}

const isBlank = (byte: number) => byte === 0x20 || byte === 0x0d || byte === 0x09
