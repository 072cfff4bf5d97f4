import { readLetterKey } from '../../core/letter-key.ts'
import type { Position } from '../../core/position.ts'
import { isApplied } from './applied.ts'
import type { LetterBody } from './letter-filter.ts'
import type { Failure } from './letter-reader.ts'
import { documentStreamOf } from './letter-row.ts'
import type { RestParts } from './rest-parts.ts'

/** A sink goes past the row in the moment in which the letter is durable, unless it is away. */
const patienceMs = 1_000

/** How long the letters of one commit are waited for, all together. */
export function rowPatience(): AbortSignal {
  return AbortSignal.timeout(patienceMs)
}

/**
 * Why the letter of a sink cannot be taken away yet: the sink still stands before the row. Killed there it comes upon the row once more and
 * puts its letter again, which is a second one where the first is gone. Rows of an earlier log it never comes upon.
 */
export async function rowNotPassed(
  { sinks }: Pick<RestParts, 'sinks'>,
  { key, source, bytes }: LetterBody,
  now: Position,
  gone: AbortSignal,
  late: AbortSignal,
): Promise<Failure | undefined> {
  const read = key === undefined ? undefined : readLetterKey(key, source)
  const sink = sinks.get(source)
  if (read === undefined || sink === undefined || read.log !== now.log) return undefined
  const stream = streamOf(bytes)
  const behind = { ...now, next: read.number + 1n }
  if (await isApplied((...asked) => sink.passed(...asked), stream, behind, gone, late)) return undefined
  const reason = `${source} has not gone past the row yet, and would make another letter of it: replay it when the store is well`
  return { code: 'busy', reason }
}

function streamOf(bytes: string): string {
  try {
    const stream = documentStreamOf(Buffer.from(bytes, 'base64'))
    return typeof stream === 'string' ? stream : 'readings'
  } catch {
    return 'readings' // that it is no row, its reader says
  }
}
