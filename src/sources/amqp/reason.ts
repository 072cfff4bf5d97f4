import { SourceFailure } from '../../core/source.ts'
import { reasonOf } from '../../lib/reason.ts'

/** Reply codes (AMQP 0-9-1 §1.8, and RabbitMQ's) that do not mend themselves, and what to look at. */
const lasting: Readonly<Record<string, string>> = {
  ACCESS_REFUSED: 'this user may not do that',
  NOT_ALLOWED: 'the virtual host is not there, or this user may not use it (url, user)',
  INVALID_PATH: 'the virtual host is not there (url)',
  NOT_FOUND: 'it is not there',
  PRECONDITION_FAILED: 'it is there, but otherwise',
  RESOURCE_LOCKED: 'another client has it for itself',
  VERSION_MISMATCH: 'it speaks another version of AMQP',
}

/** Codes of OpenSSL and Node.js for certificates that are not trusted. */
const certificate = /CERT|SELF_SIGNED|^ERR_TLS|^ERR_SSL|UNABLE_TO_|^ERR_OSSL/

/** Why RabbitMQ cannot be spoken to, or did not do something, in words for people. */
export function amqpFailure(error: unknown): SourceFailure {
  if (error instanceof SourceFailure) return error
  const code = codeOf(error)
  const said = reasonOf(error)
  if (code === 'ACCESS_REFUSED' && said.includes('Login was refused'))
    return new SourceFailure(
      'stop',
      'RabbitMQ refuses the login: user or password is wrong (user, password)',
      error,
    )
  // It closes a channel whose messages have waited too long for their acknowledgement; they come again.
  if (code === 'PRECONDITION_FAILED' && said.includes('delivery acknowledgement'))
    return new SourceFailure('retry', `RabbitMQ has waited too long for an acknowledgement: ${said}`, error)
  const why = lasting[code]
  if (why !== undefined)
    return new SourceFailure('stop', `RabbitMQ refuses: ${why}; it says: ${wordsOf(said)}`, error)
  if (code === 'CONN_CLOSE' || code === 'READ_END')
    return new SourceFailure(
      'retry',
      'RabbitMQ has closed the connection; is the port one of AMQP, and TLS used where it is asked for?',
      error,
    )
  if (certificate.test(code))
    return new SourceFailure(
      'stop',
      `RabbitMQ shows a certificate that is not trusted: ${said} (caFile)`,
      error,
    )
  return new SourceFailure('retry', `there is no connection to RabbitMQ: ${said === '' ? code : said}`, error)
}

export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** `QueueDeclare: NOT_FOUND - no queue 'x' in vhost '/'` without what only programmers ask for. */
function wordsOf(said: string): string {
  return said.replace(/^(?:\w+: )?(?:[A-Z_]+ - )?/, '').slice(0, 300)
}
