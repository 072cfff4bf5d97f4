// hot: bench/mqtt-to-log
import type { Authorizer } from '../../../core/authorizer.ts'
import { type ErrorCode, errorTable, SluiceError } from '../../../core/errors.ts'
import type { Format, RecordRefusal, Route, Router } from '../../../core/format.ts'
import { cutMark, type Intake } from '../../../core/intake.ts'
import type { RecordLimits } from '../../../core/limits.ts'
import type { Clock } from '../../../lib/clock.ts'
import { maskBroken } from '../../../lib/mask-broken.ts'
import { contentTypeOf } from '../packets/content-type.ts'
import type { MqttCounters } from '../counters.ts'
import type { FanOut } from './fan-out.ts'
import type { MqttLog } from '../log.ts'
import type { Message } from '../sessions/message.ts'
import { PacketWalk, publish } from '../packets/packet-walk.ts'
import { reason, reasonOf } from '../packets/reason.ts'
import type { RefusalLetters } from './refusal-letters.ts'
import type { Publisher } from './publisher.ts'
import type { RetainedMessages } from '../sessions/retained.ts'
import type { Will } from '../sessions/session.ts'
import { topicFault } from '../packets/topic.ts'
import type { TrafficWatch } from '../traffic-watch.ts'
import type { TopicEntry } from './topic-cache.ts'

export interface PublishDependencies {
  readonly intake: Intake
  readonly router: Router
  /** What a message is whose topic and content type say nothing: JSON. */
  readonly format: Format
  /** That of a content type; undefined: nobody reads it. */
  readonly formats: (contentType: string) => Format | undefined
  readonly authorizer: Authorizer
  readonly limits: RecordLimits
  readonly clock: Clock
  readonly fanOut: FanOut
  readonly retained: RetainedMessages
  readonly topicAliasMaximum: number
  readonly maxTopicLevels: number
  readonly letters: RefusalLetters
  readonly log: MqttLog
  readonly counters: MqttCounters
}

/**
 * One PUBLISH into the intake and to its subscribers. `take` returns what its sender is told: 0, it is acknowledged once
 * everything added is durable; a reason code, it was not taken (MQTT 5 says so in PUBACK, 3.1.1 closes); a negative reason code,
 * the connection ends with it.
 *
 * Per message on a known ingest topic: one lookup of the topic's bytes, `decode`, one count. No object, string or promise.
 */
export class PublishHandler {
  readonly #deps: PublishDependencies
  readonly #intake: Intake
  readonly #format: Format
  readonly #fanOut: FanOut
  /** Why the intake takes nothing now, as of `begin`. */
  #closedBy: ErrorCode | undefined
  /** Something was added that waits for a commit. Whoever asks for the commit resets it. */
  dirty = false
  /** Those who count what comes. */
  readonly watches: TrafficWatch[] = []

  // Of the message in hand, for `#refuse`, which a format calls.
  #bytes: Uint8Array = new Uint8Array(0)
  #walk: PacketWalk | undefined
  #entry: TopicEntry | undefined
  #publisher: Publisher | undefined
  #refusals = 0
  #unkept: unknown

  constructor(deps: PublishDependencies) {
    this.#deps = deps
    this.#intake = deps.intake
    this.#format = deps.format
    this.#fanOut = deps.fanOut
  }

  /** Once per read, before its messages. */
  begin(): void {
    this.#intake.tick()
    this.#closedBy = this.#intake.refusal()
  }

  take(bytes: Uint8Array, walk: PacketWalk, publisher: Publisher): number {
    let entry =
      walk.topicAlias === 0
        ? publisher.topics.find(bytes, walk.topicFrom, walk.topicTo)
        : this.#aliased(bytes, walk, publisher)
    if (typeof entry === 'number') return entry
    if (entry === undefined) {
      const introduced = this.#introduce(bytes, walk.topicFrom, walk.topicTo, publisher)
      if (typeof introduced === 'number') return introduced
      entry = introduced
    }
    if (this.watches.length > 0) this.#count(publisher, entry, walk.size)
    if (entry.refusal !== undefined) return this.#refuseMessage(bytes, walk, entry, publisher)
    if (walk.retain && !this.#canRetain(walk, entry)) {
      this.#deps.counters.retainedRefused++
      if (publisher.session.version === 5 && walk.qos > 0) {
        this.#refuseUnread()
        return reason.quotaExceeded
      }
      walk.retain = false // 3.1.1 cannot be told: its message is taken, and not retained
    }
    // An empty message with the retain flag takes back what is retained; it is no reading.
    const isDecoded = entry.route !== undefined && !(walk.retain && walk.payloadFrom === walk.end)
    const outcome = isDecoded
      ? this.#decode(bytes, walk, entry, entry.route as Route, publisher)
      : this.#takePlain(walk)
    if (outcome !== 0) return outcome
    const message = walk.retain ? this.#retain(bytes, walk, entry) : undefined
    if (!this.#fanOut.isIdle && this.#fanOut.deliver(bytes, walk, entry, publisher.session, message))
      this.dirty = true
    return 0
  }

  /** Of a message that was taken before: its sender may use the alias that it names from now on. 0, or a negative reason code as `take` has it. */
  establishAlias(bytes: Uint8Array, walk: PacketWalk, publisher: Publisher): number {
    const entry = walk.topicAlias === 0 ? undefined : this.#aliased(bytes, walk, publisher)
    return typeof entry === 'number' ? entry : 0
  }

  #count(publisher: Publisher, entry: TopicEntry, bytes: number): void {
    for (const watch of this.watches) watch.count(publisher.session.clientId, entry.topic, bytes)
  }

  /** Publishes the will of a client that is gone, like any message of its. False: nothing can be taken now. */
  takeWill(will: Will, publisher: Publisher): boolean {
    this.begin()
    if (this.#closedBy !== undefined) return false
    const walk = new PacketWalk()
    const { packet, version } = will
    if (walk.next(packet, 0, packet.length, version, Number.POSITIVE_INFINITY) === publish)
      this.take(packet, walk, publisher)
    publisher.topics.clear()
    return true
  }

  /** The topic that an alias stands for, or the reason code of what is wrong with it; undefined: the alias is new, and its topic too. */
  #aliased(bytes: Uint8Array, walk: PacketWalk, publisher: Publisher): TopicEntry | number {
    const { topicAlias, topicFrom, topicTo } = walk
    if (topicAlias > this.#deps.topicAliasMaximum) {
      this.#deps.counters.topicAliasTooHigh++
      return -reason.topicAliasInvalid
    }
    if (topicFrom === topicTo) return publisher.aliases[topicAlias - 1] ?? -reason.protocolError
    const entry =
      publisher.topics.find(bytes, topicFrom, topicTo) ??
      this.#introduce(bytes, topicFrom, topicTo, publisher)
    if (typeof entry !== 'number') publisher.aliases[topicAlias - 1] = entry
    return entry
  }

  #canRetain(walk: PacketWalk, entry: TopicEntry): boolean {
    const { payloadFrom, propertiesFrom, end } = walk
    return payloadFrom === end || this.#deps.retained.hasRoom(entry.topic, end - propertiesFrom)
  }

  #retain(bytes: Uint8Array, walk: PacketWalk, entry: TopicEntry): Message {
    const message = this.#fanOut.message(bytes, walk, entry)
    this.#deps.retained.set(entry.topic, message)
    this.dirty = true
    return message
  }

  #decode(
    bytes: Uint8Array,
    walk: PacketWalk,
    entry: TopicEntry,
    route: Route,
    publisher: Publisher,
  ): number {
    const intake = this.#intake
    if (this.#closedBy !== undefined) {
      this.#refuseUnread()
      return errorTable[this.#closedBy].mqtt
    }
    const from = walk.payloadFrom
    const to = walk.end
    this.#bytes = bytes
    this.#walk = walk
    this.#entry = entry
    this.#publisher = publisher
    this.#refusals = 0
    this.dirty = true
    const mark = intake.mark()
    let rows = 0
    const format = this.#formatOf(bytes, walk, route)
    if (format === undefined)
      this.#keepLetter('undecodable', 'nothing here reads the content type of the message', from, to)
    else {
      try {
        rows = format.decode(bytes, from, to, route, intake, this.#refuse)
      } catch (error) {
        // A format never throws on data: this is a defect, and costs this message only.
        this.#deps.log.error({ err: error, topic: entry.topic }, 'mqtt: decoding failed')
        intake.rollback(mark)
        rows = 0
        this.#keepLetter(error instanceof SluiceError ? error.code : 'internal', String(error), from, to)
      }
    }
    if (this.#unkept !== undefined) return this.#notKept(mark)
    this.#fanOut.isBroken = this.#refusals > 0
    intake.countMessage(rows > 0 || this.#refusals === 0 ? 'accepted' : 'deadLettered')
    return 0
  }

  /** A topic of no ingest rule: above QoS 0 its acknowledgement waits for the commit all the same, which holds it if a session needs it. */
  #takePlain(walk: PacketWalk): number {
    if (walk.qos > 0) {
      if (this.#closedBy !== undefined) {
        this.#refuseUnread()
        return errorTable[this.#closedBy].mqtt
      }
      this.dirty = true
    }
    this.#intake.countMessage('accepted')
    return 0
  }

  /** What configuration says of the topic holds, then what the message says of itself (MQTT 5). */
  #formatOf(bytes: Uint8Array, walk: PacketWalk, route: Route): Format | undefined {
    if (route.format !== undefined) return route.format
    const { propertiesFrom, payloadFrom } = walk
    if (payloadFrom - propertiesFrom < 2) return this.#format
    const contentType = contentTypeOf(bytes, propertiesFrom, payloadFrom)
    return contentType === undefined ? this.#format : this.#deps.formats(contentType)
  }

  readonly #refuse = (refusal: RecordRefusal): void => {
    this.#keepLetter(refusal.code, refusal.reason, refusal.from, refusal.to)
  }

  #keepLetter(code: ErrorCode, why: string, from: number, to: number): void {
    this.#refusals++
    if (code === 'too-large') this.#deps.counters.payloadTooLarge++
    try {
      const bytes = maskBroken(this.#bytes, from, to)
      this.#intake.reject(this.#letter(code, why, bytes, this.#entry, this.#publisher, this.#readAs()))
    } catch (error) {
      this.#unkept = error
    }
  }

  /** What the message in hand is read as, or the content type that nobody reads; undefined for JSON. */
  #readAs(): string | undefined {
    const format = this.#entry?.route?.format
    if (format !== undefined) return format.name
    const { propertiesFrom, payloadFrom } = this.#walk ?? { propertiesFrom: 0, payloadFrom: 0 }
    if (payloadFrom - propertiesFrom < 2) return undefined
    const contentType = contentTypeOf(this.#bytes, propertiesFrom, payloadFrom)
    if (contentType === undefined) return undefined
    const { name } = this.#deps.formats(contentType) ?? { name: contentType }
    return name === this.#format.name ? undefined : name
  }

  /** The dead letters are full: nothing of the message stays, and its sender learns it. */
  #notKept(mark: number): number {
    const error = this.#unkept
    this.#unkept = undefined
    this.#intake.rollback(mark)
    this.#intake.countMessage('refused')
    return reasonOf(error)
  }

  /** A message that this connection may not publish. */
  #refuseMessage(bytes: Uint8Array, walk: PacketWalk, entry: TopicEntry, publisher: Publisher): number {
    const refusal = entry.refusal
    if (refusal === undefined) return 0
    this.#refuseUnread()
    const { session } = publisher
    if (walk.qos === 0) return 0
    if (session.version === 5) return errorTable[refusal.code].mqtt
    if (this.#closedBy !== undefined) return errorTable[this.#closedBy].mqtt
    const { letters, clock } = this.#deps
    const kept = maskBroken(bytes, walk.payloadFrom, walk.end)
    const letter = this.#letter(refusal.code, refusal.reason, kept, entry, publisher)
    try {
      letters.keep(this.#intake, session.clientId, entry.topic, letter, clock.monotonicMs())
    } catch (error) {
      return reasonOf(error)
    }
    this.dirty = true
    return 0
  }

  /** The message may be as good as any: it counts as refused, and not among those that nobody can read. */
  #refuseUnread(): void {
    this.#deps.counters.refusedUnread++
    this.#intake.countMessage('refused')
  }

  #letter(
    code: ErrorCode,
    why: string,
    bytes: Uint8Array,
    entry: TopicEntry | undefined,
    publisher: Publisher | undefined,
    format?: string,
  ) {
    return {
      code,
      reason: why,
      bytes,
      source: 'mqtt',
      device: entry?.route?.device,
      topic: entry?.topic,
      format,
      principal: publisher?.session.principal.name,
    }
  }

  /** First sight of a topic on a connection: judged, routed, decided, remembered. */
  #introduce(bytes: Uint8Array, from: number, to: number, publisher: Publisher): TopicEntry | number {
    const { limits, router, authorizer } = this.#deps
    const fault = topicFault(bytes, from, to, limits.topicBytes)
    if (fault === 'malformed') return -reason.malformedPacket
    if (fault === 'empty') return -reason.protocolError // MQTT 5 §3.3.4: it needs an alias
    if (fault === 'invalid') return -reason.topicNameInvalid
    const topic = decoder.decode(bytes.subarray(from, to))
    if (topic.split('/').length > this.#deps.maxTopicLevels) {
      this.#deps.counters.topicTooDeep++
      const why = `the topic has more than ${this.#deps.maxTopicLevels} levels`
      return newEntry(topic, undefined, { code: 'invalid-name', reason: why })
    }
    if (fault === 'too-long') {
      this.#deps.counters.topicTooLong++
      const why = `the topic has ${to - from} bytes; ${limits.topicBytes} are allowed`
      return newEntry(`${topic.slice(0, 256)}${cutMark}`, undefined, { code: 'invalid-name', reason: why })
    }
    const decision = authorizer.decide(publisher.session.principal, 'mqtt', 'publish', topic)
    const entry = decision.allowed
      ? newEntry(topic, router.route(bytes, from, to), undefined)
      : newEntry(topic, undefined, { code: 'not-allowed', reason: decision.reason })
    publisher.topics.put(bytes, from, to, entry)
    return entry
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

function newEntry(topic: string, route: Route | undefined, refusal: TopicEntry['refusal']): TopicEntry {
  return { topic, bytes: undefined, route, refusal }
}
