import { SourceFailure } from '../../core/source.ts'

/** What brokers answer that somebody must mend (Kafka protocol, error codes). */
const lasting: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'this user may not read the topic',
  GROUP_AUTHORIZATION_FAILED: 'this user may not use the consumer group (group)',
  CLUSTER_AUTHORIZATION_FAILED: 'this user may not use the cluster',
  SASL_AUTHENTICATION_FAILED: 'user or password is wrong (user, password)',
  UNSUPPORTED_SASL_MECHANISM: 'the broker has no such login (sasl)',
  ILLEGAL_SASL_STATE: 'the broker asks for another kind of login (sasl)',
  UNKNOWN_TOPIC_OR_PARTITION: 'there is no such topic (topics)',
  INVALID_TOPIC_EXCEPTION: 'the name of a topic is not valid (topics)',
  INVALID_GROUP_ID: 'the name of the group is not valid (group)',
  INVALID_SESSION_TIMEOUT: 'the broker does not take the session timeout (sessionTimeoutMs)',
  INCONSISTENT_GROUP_PROTOCOL: 'other programs are in the consumer group, and share in another way (group)',
  UNSUPPORTED_VERSION: 'the broker is too old',
}

/** Any error of an attempt as what its runner understands. The library nests the cause of an error several levels deep. */
export function kafkaFailure(error: unknown): SourceFailure {
  if (error instanceof SourceFailure) return error
  if (!(error instanceof Error)) return new SourceFailure('retry', String(error))
  for (const [id, why] of Object.entries(lasting))
    if (has(error, 'apiId', id)) return new SourceFailure('stop', `${why}: ${id}`, error)
  const why = reasons(error).join(': ').slice(0, 400)
  // The library's own words for UNKNOWN_TOPIC_OR_PARTITION, without a code.
  if (/\bUnknown topic /.test(why))
    return new SourceFailure('stop', `there is no such topic (topics): ${why}`, error)
  if (has(error, 'code', 'PLT_KFK_AUTHENTICATION'))
    return new SourceFailure('stop', `the login failed: ${why}`, error)
  if (codes(error).some((code) => /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|TLS|SSL/.test(code)))
    return new SourceFailure('stop', `TLS: ${why}`, error)
  return new SourceFailure('retry', why, error)
}

/** True where the group has moved on: its next join puts everything right. */
export function isRebalance(error: unknown): boolean {
  return error instanceof Error && has(error, 'needsRejoin', true)
}

export function isOutOfRange(error: unknown): boolean {
  return error instanceof Error && has(error, 'apiId', 'OFFSET_OUT_OF_RANGE')
}

/** From the outside in, each message once. */
function reasons(error: Error): string[] {
  const told = [error, ...nested(error)].map(({ message }) => message.replace(/\.$/, '')).filter(Boolean)
  return [...new Set(told)]
}

function codes(error: Error): string[] {
  return [error, ...nested(error)].map((error) => ('code' in error ? String(error.code) : ''))
}

/** The error itself or one inside it. The library's own search leaves out what stands behind a `cause`. */
function has(error: Error, property: string, value: unknown): boolean {
  return [error, ...nested(error)].some((each) => Reflect.get(each, property) === value)
}

function nested(error: Error): Error[] {
  const several: readonly unknown[] = error instanceof AggregateError ? error.errors : []
  const inner = [...several, error.cause]
  return inner.flatMap((error) => (error instanceof Error ? [error, ...nested(error)] : []))
}
