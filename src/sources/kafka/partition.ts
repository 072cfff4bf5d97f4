import type { Cursor } from './cursors.ts'

/** How far a partition has come: everything below `offset`. Counts are since it became ours. */
export interface Reached {
  readonly offset: bigint
  readonly leaderEpoch: number
  readonly messages: number
  readonly bytes: number
}

/** One partition while it is ours. committed ≤ durable ≤ taken, and `end` is Kafka's. */
export class Partition {
  readonly topic: string
  readonly index: number
  /** The next offset to take. */
  position: bigint
  leaderEpoch = -1
  /** Of the newest batch taken; -1: not known. */
  time: bigint
  /** Of the record that comes next to the partition. */
  end: bigint
  #cursorKey: string
  #messages = 0
  #bytes = 0
  #durable: Reached
  #committed: Reached

  /**
   * `committed`: the group's offset, -1 for none. `position` may be another one, which is committed even if nothing comes, or a restart would
   * begin somewhere else. `time` as in the cursor.
   */
  constructor(
    topic: string,
    index: number,
    cursorKey: string,
    position: bigint,
    committed: bigint,
    time: bigint,
  ) {
    this.topic = topic
    this.index = index
    this.#cursorKey = cursorKey
    this.position = position
    this.end = position
    this.time = time
    this.#durable = this.reached
    this.#committed = { ...this.reached, offset: committed }
  }

  get cursorKey(): string {
    return this.#cursorKey
  }

  /** What stands beside the rows. */
  get cursor(): Cursor {
    return { offset: this.position, told: this.#committed.offset, time: this.time }
  }

  /** Goes on somewhere else, also below what is committed, and of a topic made anew under another key. */
  move(position: bigint, end: bigint, cursorKey: string): this {
    if (cursorKey !== this.#cursorKey) this.time = -1n
    this.#cursorKey = cursorKey
    this.position = position
    this.end = end
    this.leaderEpoch = -1
    return this
  }

  take(offset: bigint, bytes: number): void {
    this.position = offset + 1n
    this.#messages++
    this.#bytes += bytes
  }

  get reached(): Reached {
    const { position: offset, leaderEpoch } = this
    return { offset, leaderEpoch, messages: this.#messages, bytes: this.#bytes }
  }

  /** Everything up to there is on disk. */
  isDurable(reached: Reached): void {
    this.#durable = reached
  }

  /** What Kafka may be told and has not been told. */
  get due(): Reached | undefined {
    return this.#durable.offset !== this.#committed.offset ? this.#durable : undefined
  }

  /** Kafka has it. Returns how many messages it did not have before. */
  isCommitted(reached: Reached): number {
    const messages = reached.messages - this.#committed.messages
    this.#committed = reached
    return messages
  }

  get unacknowledged(): { readonly messages: number; readonly bytes: number } {
    const { messages, bytes } = this.#committed
    return { messages: this.#messages - messages, bytes: this.#bytes - bytes }
  }

  get lag(): number {
    return this.end > this.position ? Number(this.end - this.position) : 0
  }
}

export function partitionKey(topic: string, index: number): string {
  return `${topic}:${index}`
}
