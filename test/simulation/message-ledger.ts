import type { Answer } from './ledger.ts'
import { must } from './violation.ts'

/** A message of no ingest topic: for subscribers, or retained, or a will. */
export interface PlainMessage {
  readonly id: number
  readonly topic: string
  readonly qos: 1 | 2
  /** When it was sent first, as events go; of a will, when its client went for good. */
  at: number
  answer: Answer
  sends: number
}

/** Plain messages as they were sent, beside what one subscriber with a kept session was given. */
export class MessageLedger {
  readonly messages = new Map<number, PlainMessage>()
  readonly #given = new Map<number, number>()
  /** When the subscriber was told that its subscriptions hold: what is sent later it must be given. */
  subscribedAt: number | undefined
  #lastId = 0

  offer(topic: string, qos: 1 | 2, at: number): PlainMessage {
    const message: PlainMessage = { id: ++this.#lastId, topic, qos, at, answer: 'unknown', sends: 1 }
    this.messages.set(message.id, message)
    return message
  }

  /** The subscriber, whose own QoS is 2, was given a message: not again what it has by its packet id. */
  give(topic: string, payload: string): void {
    const message = this.messages.get(Number(payload))
    must(message?.topic === topic, () => `phantom: the subscriber was given ${payload} on ${topic}`)
    const count = (this.#given.get(message.id) ?? 0) + 1
    this.#given.set(message.id, count)
    // At QoS 1 a message may come again.
    must(
      count === 1 || message.qos === 1,
      () => `duplicate: the subscriber was given message ${message.id} on ${topic} ${count} times`,
    )
  }

  /** Something that the subscriber must be given and was not yet. */
  owed(): PlainMessage | undefined {
    const { subscribedAt } = this
    if (subscribedAt === undefined) return undefined
    for (const message of this.messages.values())
      if (
        !message.topic.startsWith('keep/') &&
        message.answer === 'acked' &&
        message.at > subscribedAt &&
        !this.#given.has(message.id)
      )
        return message
    return undefined
  }

  /** Of each topic what was acknowledged last is retained, or something that was sent later. */
  isRetained(retained: ReadonlyMap<string, string>): boolean {
    for (const [topic, id] of this.#lastAcked()) if (!(Number(retained.get(topic)) >= id)) return false
    return true
  }

  judgeRetained(retained: ReadonlyMap<string, string>): void {
    for (const [topic, id] of this.#lastAcked())
      must(
        Number(retained.get(topic)) >= id,
        () => `lost: ${topic} retains ${retained.get(topic)}, acknowledged was ${id}`,
      )
    for (const [topic, id] of retained)
      must(this.messages.get(Number(id))?.topic === topic, () => `phantom: ${topic} retains ${id}`)
  }

  #lastAcked(): Map<string, number> {
    const last = new Map<string, number>()
    for (const { id, topic, answer } of this.messages.values())
      if (topic.startsWith('keep/') && answer === 'acked') last.set(topic, id)
    return last
  }
}
