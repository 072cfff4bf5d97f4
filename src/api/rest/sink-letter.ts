import type { LetterKey } from '../../core/letter-key.ts'
import { encodeLetterReplay, type LetterRow, letterReplaysStream } from '../../core/letter-replay.ts'
import { correctedFault } from './corrected-row.ts'
import type { LetterBody } from './letter-filter.ts'
import type { Asked, Correction, Failure } from './letter-reader.ts'
import { documentStreamOf, readLetterRow } from './letter-row.ts'
import type { RestParts } from './rest-parts.ts'

interface SinkLetter {
  readonly time: number
  readonly letter: LetterBody
  readonly key: LetterKey
  readonly original: Buffer
  readonly correction: Correction
}

/** Adds the request that the sink take its row once more, to the commit that is open; or says why there is none. */
export function readSinkLetter(
  parts: Pick<RestParts, 'intake' | 'authorizer' | 'sinks' | 'writingSinks' | 'formats' | 'limits'>,
  { time, letter: { source, device }, key: { log, number }, original, correction }: SinkLetter,
  { caller, now }: Asked,
): number | Failure {
  const { intake, authorizer, sinks, writingSinks } = parts
  const may = (action: 'replay' | 'publish', whose: string): Failure | undefined => {
    const decision = authorizer.decide(caller, 'http', action, whose)
    return decision.allowed ? undefined : { code: 'not-allowed', reason: decision.reason }
  }
  const right = may('replay', device ?? '*')
  if (right !== undefined) return right
  if (correction.topic !== undefined)
    return { code: 'bad-request', field: 'topic', reason: 'the row of a sink has no topic' }
  if (writingSinks.has(source)) return { code: 'bad-request', reason: takesNoRow(source) }
  if (!sinks.has(source)) return { code: 'not-found', reason: `there is no store ${source} any more` }
  if (log !== now.log) {
    const reason = `the row is of an earlier log (${log}); "sluice replay --sink ${source}" hands over what the log holds`
    return { code: 'bad-request', reason }
  }
  const corrected = correction.text === undefined ? correction.bytes : Buffer.from(correction.text)
  const row = readLetterRow(corrected ?? original)
  if ('reason' in row) return { code: 'invalid-value', ...row }
  const fault = corrected === undefined ? shownOnly(row, original) : mayStandFor(row, original)
  if (fault !== undefined) return fault
  const writing =
    corrected === undefined ? undefined : may('publish', 'body' in row ? row.key : row.device_id)
  if (writing !== undefined) return writing
  const refused = corrected === undefined ? undefined : correctedFault(parts, row, corrected)
  if (refused !== undefined) return refused
  intake.addDocument(letterReplaysStream, source, time, encodeLetterReplay({ sink: source, number, row }))
  return 1
}

function takesNoRow(sink: string): string {
  return `the sink ${sink} only writes, and takes no single row again: mend what makes it refuse the row (pipelines.${sink}); then "sluice replay --sink ${sink} --from TIME --to TIME" writes all its rows of that time to a file of their own, and the letter can be discarded`
}

// A letter shows in words what JSON has none for; as a text they would be something else.
const noNumbers: ReadonlySet<unknown> = new Set(['NaN', 'Infinity', '-Infinity'])

/** What the letter can only show, and does not hold. */
function shownOnly(row: LetterRow, original: Buffer): Failure | undefined {
  if (original.includes('\ufffd')) {
    const reason =
      'a text in it was no UTF-8, of which the letter shows what can be shown: give the row corrected'
    return { code: 'invalid-value', field: 'text', reason }
  }
  if ('v' in row && noNumbers.has(row.v))
    return { code: 'invalid-value', field: 'v', reason: 'it is no finite number: give the row corrected' }
  return undefined
}

/** A reading stays a reading, and a document one of its stream: else a row could be put where nobody may write. */
function mayStandFor(row: LetterRow, original: Buffer): Failure | undefined {
  const stream = 'stream' in row ? row.stream : undefined
  return stream === documentStreamOf(original)
    ? undefined
    : { code: 'invalid-value', field: 'stream', reason: 'the row must stay in its stream' }
}
