import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import type { Authorizer } from '../../core/authorizer.ts'
import type { Discarder } from '../../core/discard.ts'
import type { Format, Router } from '../../core/format.ts'
import type { Intake } from '../../core/intake.ts'
import type { RecordLimits } from '../../core/limits.ts'
import type { Position } from '../../core/position.ts'
import type { Clock } from '../../lib/clock.ts'
import type { TemporaryFolder } from '../../lib/temporary-folder.ts'
import type { AnswerGate } from './answer-gate.ts'
import type { LetterTurn } from './letter-turn.ts'
import type { StoreQueries } from './store-queries.ts'

/** A sink that gets the rows of its letters again. */
export interface ReplayedSink {
  /** Resolves when it has taken, or refused, every row of the stream before the position; in that of replayed letters, every row asked for. */
  passed(stream: string, position: Position, signal: AbortSignal): Promise<void>
}

/** What the REST routes need. */
export interface RestParts {
  readonly store: StoreQueries
  /** Where the store stands in the log: a query asked after this, even without waiting for it, sees every reading before it. */
  position(): Promise<Position>
  /** Resolves when the store has applied everything of the stream before the position: the answer to an edit waits for it. */
  passed(stream: 'readings' | 'dead-letters', position: Position, signal: AbortSignal): Promise<void>
  /** For edits and discards, which go through the log. */
  readonly intake: Intake & Discarder
  /** Who may replay what. */
  readonly authorizer: Authorizer
  /** For letters that are read again: the names that a topic gives, and what reads a format's name or a content type. */
  readonly router: Router
  readonly formats: (type: string | undefined) => Format | undefined
  /** Sinks that take rows which they refused once more, by their names. */
  readonly sinks: ReadonlyMap<string, ReplayedSink>
  /** Sinks that only write: they take no single row again. */
  readonly writingSinks: ReadonlySet<string>
  readonly clock: Clock
  readonly limits: RecordLimits
  /** Where exports are made. */
  readonly temporary: TemporaryFolder
  /** Bytes of the disk that no export may use. */
  readonly minFreeBytes: number
  /** Device and metric that an ingest topic names, for those who know the topic only. */
  seriesOfTopic(topic: string): { readonly device: string; readonly metric: string } | undefined
}

/** As the routes see them: with the gates that all share. */
export interface RouteParts extends RestParts {
  readonly answers: AnswerGate
  readonly turn: LetterTurn
}

/** A server whose routes check their parameters with zod. */
export type RestServer = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>

/** What the OpenAPI document says of the answers. The routes write their answers themselves: no serialiser sees them. */
export function answering<S extends object>(
  schema: S,
  response: Readonly<Record<number, z.ZodType | { readonly description: string; readonly content: object }>>,
): S {
  return { ...schema, response }
}

/** Everything that reads. */
export const reading = { access: 'read' } as const
