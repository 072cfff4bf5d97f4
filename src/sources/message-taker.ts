import type { Durable } from '../core/durable.ts'
import { type ErrorCode, SluiceError } from '../core/errors.ts'
import type { Format, RecordRefusal, Route } from '../core/format.ts'
import type { Intake } from '../core/intake.ts'
import type { RecordLimits } from '../core/limits.ts'
import type { FeedStatus } from '../core/source.ts'
import { maskBroken } from '../lib/mask-broken.ts'
import type { SourceLog } from './component.ts'

/** What a source counts; it is the status that it shows. */
export type FeedCounters = { -readonly [K in keyof FeedStatus]: FeedStatus[K] }

/** What the message is read as; undefined for JSON. */
function nameOf({ route, format, contentType }: FeedMessage): string | undefined {
  const name = route?.format?.name ?? (format === undefined ? contentType : format.name)
  return name === 'json' ? undefined : name
}

/** No template fits: not where the topic is too long to be held against any. */
export function isUnmatched(
  { topic, route }: Pick<FeedMessage, 'topic' | 'route'>,
  { topicBytes }: Pick<RecordLimits, 'topicBytes'>,
): boolean {
  return route === undefined && Buffer.byteLength(topic ?? '') <= topicBytes
}

export function newFeedCounters(): FeedCounters {
  return {
    isConnected: false,
    connects: 0,
    accepted: 0,
    deadLettered: 0,
    refused: 0,
    ignored: 0,
    redelivered: 0,
    acknowledged: 0,
    unacknowledged: 0,
    unacknowledgedBytes: 0,
    lag: undefined,
  }
}

/** One message of a feed. */
export interface FeedMessage {
  readonly payload: Uint8Array
  /** A topic or a routing key, which its names were taken from; undefined: they come from elsewhere. */
  readonly topic: string | undefined
  /** Where the server has it, for people who read its dead letter: `orders[3]@1201`. */
  readonly offset?: string | undefined
  /** Names that its topic gives; undefined: no template fits, and it becomes a dead letter. */
  readonly route: Route | undefined
  /** Unless the route has its own. undefined: nobody reads what `contentType` names, and it becomes a dead letter. */
  readonly format: Format | undefined
  readonly contentType?: string | undefined
}

export interface MessageTakerParts {
  /** Of the source, as dead letters name it. */
  readonly name: string
  readonly intake: Intake
  readonly limits: Pick<RecordLimits, 'batchBytes' | 'topicBytes'>
  readonly logger: SourceLog
  readonly counters: FeedCounters
}

/**
 * Messages of a feed into the intake: rows of what can be read, dead letters of what cannot, each counted at the door. Synchronous but for
 * `durable`, which everything waits for before it is acknowledged upstream.
 */
export class MessageTaker {
  readonly #parts: MessageTakerParts
  readonly #intake: Intake
  /** Taken since the last call of `durable`. */
  #accepted = 0
  #deadLettered = 0

  // Of the message in hand, for `#refuse`, which a format calls.
  #message: FeedMessage | undefined
  #refusals = 0
  #unkept: unknown

  constructor(parts: MessageTakerParts) {
    this.#parts = parts
    this.#intake = parts.intake
  }

  /** Once per read, before its messages. Returns why nothing can be kept now: then take nothing, acknowledge nothing and wait. */
  begin(): ErrorCode | undefined {
    this.#intake.tick()
    return this.#intake.refusal()
  }

  /**
   * Takes one message; it may be acknowledged once a `durable()` called after this has resolved. `refused`: nothing of it is kept because the
   * dead letters are full, so it must not be acknowledged.
   */
  take(message: FeedMessage): 'accepted' | 'deadLettered' | 'refused' {
    const { payload, route } = message
    // What configuration says of a topic holds for each of its messages.
    const format = route?.format ?? message.format
    const intake = this.#intake
    this.#message = message
    this.#refusals = 0
    this.#unkept = undefined
    const mark = intake.mark()
    let rows = 0
    if (isUnmatched(message, this.#parts.limits))
      this.#keepLetter('not-ingest', 'no template under topics fits the topic', 0, payload.length)
    else if (route === undefined) {
      const why = `the topic has ${Buffer.byteLength(message.topic ?? '')} bytes; limits.topicBytes is ${this.#parts.limits.topicBytes}`
      this.#keepLetter('invalid-name', why, 0, payload.length)
    } else if (format === undefined) {
      const why = `nothing here reads the content type ${JSON.stringify(message.contentType)}`
      this.#keepLetter('undecodable', why, 0, payload.length)
    } else rows = this.#decode(payload, route, format, mark)
    const outcome =
      this.#unkept !== undefined ? 'refused' : rows > 0 || this.#refusals === 0 ? 'accepted' : 'deadLettered'
    if (outcome === 'refused') intake.rollback(mark)
    this.#count(outcome)
    return outcome
  }

  /** Resolves when everything taken so far is on disk; rejects if it is not: then nothing of it may be acknowledged, and it counts as refused. */
  async durable(): Promise<Durable> {
    const [accepted, deadLettered] = [this.#accepted, this.#deadLettered]
    this.#accepted = 0
    this.#deadLettered = 0
    try {
      return await this.#intake.durable()
    } catch (error) {
      const { counters } = this.#parts
      counters.accepted -= accepted
      counters.deadLettered -= deadLettered
      counters.refused += accepted + deadLettered
      throw error
    }
  }

  #decode(payload: Uint8Array, route: Route, format: Format, mark: number): number {
    const { length } = payload
    const { limits, logger } = this.#parts
    if (length > limits.batchBytes) {
      // The server cannot be told, and its largest message may be larger than what a letter should be.
      const why = `the payload has ${length} bytes, limits.batchBytes is ${limits.batchBytes}; the letter holds as many`
      this.#keepLetter('too-large', why, 0, limits.batchBytes)
      return 0
    }
    try {
      return format.decode(payload, 0, length, route, this.#intake, this.#refuse)
    } catch (error) {
      // A format never throws on data: this is a defect, and costs this message only.
      logger.error(
        { err: error, topic: this.#message?.topic, offset: this.#message?.offset },
        'decoding failed',
      )
      this.#intake.rollback(mark)
      this.#keepLetter(error instanceof SluiceError ? error.code : 'internal', String(error), 0, length)
      return 0
    }
  }

  readonly #refuse = (refusal: RecordRefusal): void => {
    this.#keepLetter(refusal.code, refusal.reason, refusal.from, refusal.to)
  }

  #keepLetter(code: ErrorCode, reason: string, from: number, to: number): void {
    const message = this.#message
    if (message === undefined) return
    this.#refusals++
    try {
      this.#intake.reject({
        code,
        reason,
        bytes: maskBroken(message.payload, from, to),
        source: this.#parts.name,
        device: message.route?.device,
        topic: message.topic,
        offset: message.offset,
        format: nameOf(message),
      })
    } catch (error) {
      this.#unkept = error
    }
  }

  #count(outcome: 'accepted' | 'deadLettered' | 'refused'): void {
    this.#intake.countMessage(outcome)
    this.#parts.counters[outcome]++
    if (outcome === 'accepted') this.#accepted++
    else if (outcome === 'deadLettered') this.#deadLettered++
  }
}
