/** What a message takes beside its bytes, as measured: itself and the objects that its bytes stand in. */
const objectBytes = 384

/**
 * A message on its way to subscribers, shared by all who get it: its bytes never change.
 */
export class Message {
  /** Its key in the stream `messages`; 0 while no session that outlives its connection needs it. */
  id = 0
  readonly topic: Uint8Array
  /** MQTT 5 properties as the publisher gave them, without their length, topic alias and message expiry. */
  readonly properties: Uint8Array
  readonly payload: Uint8Array
  readonly qos: 0 | 1 | 2
  /** µs since 1970; Infinity: never. */
  readonly expiresAt: number
  /** Sessions that have not finished with it. */
  holders = 0
  /** Packets written before, by form: copied for each subscriber, who has a packet id of its own. Undefined while none was: it may wait for long. */
  packets: Map<number, Uint8Array> | undefined
  #topicText: string | undefined

  constructor(parts: Pick<Message, 'topic' | 'properties' | 'payload' | 'qos' | 'expiresAt'>) {
    this.topic = parts.topic
    this.properties = parts.properties
    this.payload = parts.payload
    this.qos = parts.qos
    this.expiresAt = parts.expiresAt
  }

  get topicText(): string {
    this.#topicText ??= decoder.decode(this.topic)
    return this.#topicText
  }

  /** What it counts for in a queue. */
  get bytes(): number {
    return this.topic.length + this.properties.length + this.payload.length + objectBytes
  }

  /** Whole seconds that are left, as subscribers are told; undefined: it never expires; 0: it has. */
  remainingSeconds(nowMicros: number): number | undefined {
    if (this.expiresAt === Number.POSITIVE_INFINITY) return undefined
    return Math.max(0, Math.ceil((this.expiresAt - nowMicros) / 1e6))
  }
}

/** Infinity for a message without Message Expiry Interval. */
export function expiryOf(nowMicros: number, seconds: number): number {
  return seconds < 0 ? Number.POSITIVE_INFINITY : nowMicros + seconds * 1e6
}

/** U+FEFF is a character of a topic like any other (MQTT-1.5.4-3). */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
