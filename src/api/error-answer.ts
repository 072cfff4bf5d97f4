import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod'
import type { FastifyReply } from 'fastify'
import { type ErrorCode, errorTable, SluiceError } from '../core/errors.ts'

/** One parameter or member that was wrong. */
export interface ErrorDetail {
  readonly field: string
  readonly message: string
}

/** The one error shape of every HTTP answer. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode
    readonly message: string
    readonly hint: string
    readonly requestId: string
    readonly details?: readonly ErrorDetail[]
  }
}

export function errorBody(
  code: ErrorCode,
  message: string,
  requestId: string,
  details?: readonly ErrorDetail[],
): ErrorBody {
  return { error: { code, message, hint: errorTable[code].hint, requestId, ...(details ? { details } : {}) } }
}

/** A request whose parameters are wrong, each of them named. */
export class BadRequest extends SluiceError {
  readonly details: readonly ErrorDetail[]

  constructor(details: readonly ErrorDetail[]) {
    super('bad-request', describe(details))
    this.details = details
  }
}

/** What the caller is told of a failure. */
export interface Told {
  readonly code: ErrorCode
  readonly message: string
  readonly details?: readonly ErrorDetail[]
}

export function told(error: unknown): Told {
  if (error instanceof BadRequest) return error
  if (error instanceof SluiceError && error.code !== 'internal')
    return { code: error.code, message: error.message }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const details = error.validation.flatMap(detailsOf)
    return { code: 'bad-request', message: describe(details), details }
  }
  // Fastify's own errors carry the status they mean.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  const message = error instanceof Error ? error.message : 'unknown failure'
  if (status === 413) return { code: 'too-large', message: 'the body is larger than limits.batchBytes' }
  if (status === 415) return { code: 'unsupported-media', message }
  if (typeof status === 'number' && status >= 400 && status < 500) return { code: 'bad-request', message }
  return {
    code: 'internal',
    message: 'the request failed for a reason of our own; the log has it under the request id',
  }
}

/** Seconds after which a refused caller may try again. */
const retryAfterSeconds = 1

/** Sets status and headers of a refusal; the body is the caller's. */
export function refuse(reply: FastifyReply, code: ErrorCode): FastifyReply {
  const { http, retry } = errorTable[code]
  if (http === 503 && retry) void reply.header('retry-after', retryAfterSeconds)
  if (http === 401) void reply.header('www-authenticate', 'Bearer')
  return reply.status(http).header('content-type', 'application/json; charset=utf-8')
}

interface Fault {
  readonly instancePath: string
  readonly message?: string | undefined
  readonly params: Readonly<Record<string, unknown>>
}

/** Every parameter that a fault of the schema is about: unknown ones come many in one. */
function detailsOf({ instancePath, message, params }: Fault): ErrorDetail[] {
  const field = instancePath.slice(1).replaceAll('/', '.')
  const { keys } = params
  if (Array.isArray(keys))
    return keys.map((key) => ({ field: String(key), message: 'there is no such parameter' }))
  return [{ field: field === '' ? 'body' : field, message: message ?? 'is wrong' }]
}

function describe(details: readonly ErrorDetail[]): string {
  return details.map(({ field, message }) => `${field}: ${message}`).join('; ')
}
