import type { ErrorCode } from '../../core/errors.ts'
import { SinkFailure } from '../../core/sink.ts'

/** What an engine error means for the runner: by the class name that DuckDB puts first in its messages. */
const kinds: readonly [RegExp, SinkFailure['kind'], ErrorCode][] = [
  [/No space left|disk is full|exceeds? the max.*directory size/i, 'stop', 'disk-full'],
  [/^(FATAL|INTERNAL) Error|has been invalidated/, 'stop', 'store-down'],
  [/^INTERRUPT Error/, 'retry', 'busy'],
  [/^TransactionContext Error|Conflict/, 'retry', 'busy'],
  [/^Out of Memory Error/, 'retry', 'busy'],
  [/^(Conversion|Constraint|Out of Range|Invalid Input|Invalid Unicode) Error/, 'rows', 'row-refused'],
  [/^(Catalog|Binder|Permission|IO|Serialization) Error/, 'stop', 'store-refused'],
]

/** An error of the engine as the failure that the runner understands; one it does not know stops the sink. */
export function sinkFailure(error: unknown): SinkFailure {
  if (error instanceof SinkFailure) return error
  const message = error instanceof Error ? error.message : String(error)
  const [, kind, code] = kinds.find(([pattern]) => pattern.test(message)) ?? [
    undefined,
    'stop',
    'store-refused',
  ]
  return new SinkFailure(kind, code, message.split('\n', 1)[0] ?? message, error)
}

/** Whether the engine has given up its database: every statement fails from then on, until the file is opened anew. */
export function isInvalidated(error: Error): boolean {
  return error.message.includes('has been invalidated')
}

/** Raised by the compare-and-set of a position. */
export function fenced(detail: string): SinkFailure {
  return new SinkFailure('stop', 'store-refused', `fenced: ${detail}`)
}
