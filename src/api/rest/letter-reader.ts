import type { Action, Principal } from '../../core/authorizer.ts'
import type { DiscardedLetter } from '../../core/discard.ts'
import { type ErrorCode, SluiceError } from '../../core/errors.ts'
import { createRoute, type Format, type RecordRefusal, type Route } from '../../core/format.ts'
import { readKeyedLetter, readLetterKey } from '../../core/letter-key.ts'
import type { Position } from '../../core/position.ts'
import { cutMark } from '../../core/intake.ts'
import type { DocumentRow } from '../../core/store.ts'
import { hasMask } from '../../lib/mask-tokens.ts'
import type { LetterBody } from './letter-filter.ts'
import type { RestParts } from './rest-parts.ts'
import { readSinkLetter } from './sink-letter.ts'

/** What a letter is replayed as, instead of what it holds. */
export interface Correction {
  /** JSON. */
  readonly text?: string | undefined
  /** In the letter's own format. */
  readonly bytes?: Buffer | undefined
  readonly topic?: string | undefined
}

/** Why a letter stays. */
export interface Failure {
  readonly code: ErrorCode
  readonly reason: string
  readonly field?: string | undefined
}

type Parts = Pick<
  RestParts,
  'intake' | 'authorizer' | 'router' | 'formats' | 'limits' | 'sinks' | 'writingSinks'
>

export interface Asked {
  readonly caller: Principal
  /** Where the log stands. */
  readonly now: Position
}

/**
 * Reads a letter again, into the commit that is open: a door's by the format and the names that it came with, a sink's as a request to that
 * sink. It is synchronous, so that whoever takes the letter away in the same turn does both or none. On failure nothing was added.
 */
export class LetterReader {
  readonly #parts: Parts
  #failure: Failure | undefined

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Returns the rows added, or why there are none. */
  read(row: DocumentRow, letter: LetterBody, correction: Correction, asked: Asked): number | Failure {
    const original = Buffer.from(letter.bytes, 'base64')
    const { text, bytes = text === undefined ? original : Buffer.from(text) } = correction
    if (bytes === original && hasMask(original)) return masked
    if (correction.topic === undefined && letter.topic?.endsWith(cutMark) === true) return cut
    const { intake } = this.#parts
    const key = letter.key === undefined ? undefined : readLetterKey(letter.key, letter.source)
    const mark = intake.mark()
    intake.receivedAt(row.time)
    try {
      return key === undefined
        ? this.#readDoors(letter, bytes, correction, asked.caller)
        : readSinkLetter(this.#parts, { time: row.time, letter, key, original, correction }, asked)
    } catch (error) {
      // A defect: nothing of the letter may stay, which others share the commit with.
      intake.rollback(mark)
      const reason = error instanceof Error ? error.message : String(error)
      return { code: error instanceof SluiceError ? error.code : 'internal', reason }
    } finally {
      intake.tick()
    }
  }

  #readDoors(
    letter: LetterBody,
    bytes: Uint8Array,
    correction: Correction,
    caller: Principal,
  ): number | Failure {
    const { intake, limits } = this.#parts
    const topic = correction.topic ?? letter.topic
    const right = this.#mayPublish(letter, topic, correction, caller)
    if (right !== undefined) return right
    const route = this.#routeOf(letter, topic)
    if (route === undefined)
      return { code: 'not-ingest', field: 'topic', reason: 'no template under topics fits the topic' }
    if (bytes.length > limits.batchBytes) {
      const reason = `the payload has ${bytes.length} bytes, limits.batchBytes is ${limits.batchBytes}`
      return { code: 'too-large', reason }
    }
    const format = this.#formatOf(letter, route, correction)
    if (format === undefined)
      return { code: 'undecodable', reason: `nothing here reads ${JSON.stringify(letter.format)}` }
    this.#failure = undefined
    const mark = intake.mark()
    const rows = format.decode(bytes, 0, bytes.length, route, intake, this.#refuse)
    const failure = this.#failure ?? (rows === 0 ? empty : undefined)
    if (failure === undefined) {
      intake.countMessage('accepted')
      return rows
    }
    intake.rollback(mark)
    return failure
  }

  readonly #refuse = ({ code, reason, field }: RecordRefusal): void => {
    this.#failure ??= { code, reason, field }
  }

  /** Who sent it must have the right still; and whoever says something else than the sender said needs it himself. */
  #mayPublish(
    { principal, source }: LetterBody,
    topic: string | undefined,
    correction: Correction,
    caller: Principal,
  ): Failure | undefined {
    const { authorizer } = this.#parts
    const resource = topic ?? '*'
    const door = source === 'mqtt' ? 'mqtt' : 'http'
    const ask = (who: Principal, from: 'mqtt' | 'http', action: Action, name = who.name) => {
      const decision = authorizer.decide(who, from, action, resource)
      return decision.allowed
        ? undefined
        : { code: 'not-allowed' as const, reason: `${name} may not ${action} there: ${decision.reason}` }
    }
    const isCorrected = Object.values(correction).some((part) => part !== undefined)
    return (
      ask(caller, 'http', 'replay') ??
      (isCorrected ? ask(caller, 'http', 'publish') : undefined) ??
      (principal === undefined ? undefined : ask(authorizer.named(principal), door, 'publish', principal))
    )
  }

  #routeOf(letter: LetterBody, topic: string | undefined): Route | undefined {
    // Its names came from elsewhere, such as the key of a Kafka record.
    if (topic === undefined) return createRoute('', letter.device, undefined)
    const route = this.#find(topic)
    if (route !== undefined || letter.source === 'mqtt') return route
    // RabbitMQ's MQTT writes `uns/site1/pump1/temp` as the routing key `uns.site1.pump1.temp`.
    return this.#find(topic.replaceAll('.', '/'))
  }

  #find(topic: string): Route | undefined {
    const bytes = Buffer.from(topic)
    return this.#parts.router.route(bytes, 0, bytes.length)
  }

  #formatOf(letter: LetterBody, route: Route, { text }: Correction): Format | undefined {
    const { formats } = this.#parts
    return text === undefined ? (route.format ?? formats(letter.format)) : formats('json')
  }
}

/** The letter as a discard names it. */
export function named({ seq, time, body }: DocumentRow): DiscardedLetter {
  return { number: seq, time, key: readKeyedLetter(Buffer.from(body))?.key }
}

const masked: Failure = {
  code: 'bad-request',
  field: 'text',
  reason: 'a token in it is masked: give the bytes corrected, without it or as they were',
}

const cut: Failure = {
  code: 'invalid-name',
  field: 'topic',
  reason: 'the topic was too long, and the letter holds its beginning: give one',
}

const empty: Failure = { code: 'missing-field', field: 'text', reason: 'there is no reading in it' }
