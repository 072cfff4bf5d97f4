import type { z } from 'zod'
import type { Format, Router } from '../core/format.ts'
import type { KeyedState } from '../core/keyed-state.ts'
import type { RecordLimits } from '../core/limits.ts'
import type { FeedSource } from '../core/source.ts'
import type { Clock } from '../lib/clock.ts'

/** What a source by configuration is made of, beside its own options. */
export interface SourceParts {
  /** Of its entry in the configuration. */
  readonly name: string
  /** By a word of the configuration (`json`) or a content type, parameters and all; undefined: what JSON forms are. */
  readonly formats: (type: string | undefined) => Format | undefined
  /** Topic → names; undefined: no template fits. */
  readonly router: Router
  readonly limits: RecordLimits
  readonly clock: Clock
  readonly logger: SourceLog
  /** Cursors, as they were when the program started. */
  readonly state: KeyedState
  /** Differs between all that run beside each other, and stays with the data folder. */
  readonly instance: string
}

/** The part of a pino logger that sources use. Never a secret in it. */
export interface SourceLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The schema of its options, and what makes it from the schema's output. Nothing connects before `run`. */
export interface SourceComponent {
  readonly schema: z.ZodType
  create(options: unknown, parts: SourceParts): FeedSource
}
