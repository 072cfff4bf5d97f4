import type { Intake } from '../../core/intake.ts'
import type { KeyedState } from '../../core/keyed-state.ts'

/** How far this Sluice has taken a partition, and what it knew Kafka to have of that. */
export interface Cursor {
  readonly offset: bigint
  /** The group's offset, -1 for none. */
  readonly told: bigint
  /** Of the newest batch taken, in ms since 1970: where to look for the place when the topic has lost its end. -1: not known. */
  readonly time: bigint
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * How far each partition is taken, in the log's keyed state: set in the commit of the rows themselves, so that after a crash nothing is read
 * twice that the group's offset, up to a second older, does not cover yet. Only this Sluice knows it; a partition that goes to another replica
 * goes on from the group's offset.
 */
export class Cursors {
  readonly #prefix: string
  readonly #state: KeyedState
  /** On disk, and newer than what the start found. */
  readonly #kept = new Map<string, Cursor>()

  constructor(source: string, group: string, state: KeyedState) {
    this.#prefix = `cursor/kafka/${source}/${group}`
    this.#state = state
  }

  /** By the topic's id: one that was deleted and made anew begins at its beginning. */
  key(topicId: string, partition: number): string {
    return `${this.#prefix}/${topicId}/${partition}`
  }

  /**
   * Where to go on when the group's offset is `committed` (-1: it has none); undefined: only the configuration knows. A group's offset below
   * what Kafka was last told was set back by somebody who wants the records again; one above is another replica's work. One that is just what
   * Kafka was told says nothing new, even if it is above: then the topic had lost its end.
   */
  resume(key: string, committed: bigint): bigint | undefined {
    const cursor = this.#cursor(key)
    if (cursor === undefined) return committed < 0n ? undefined : committed
    const { offset, told } = cursor
    const isOurs = committed < 0n || committed === told || (committed > told && committed < offset)
    return isOurs ? offset : committed
  }

  /** The time of its cursor; -1 without one. */
  time(key: string): bigint {
    return this.#cursor(key)?.time ?? -1n
  }

  /** Adds it to the open commit. */
  add(intake: Intake, key: string, { offset, told, time }: Cursor): void {
    intake.set(key, encoder.encode(`${offset} ${told} ${time}`))
  }

  /** The commit is on disk. */
  keep(key: string, cursor: Cursor): void {
    this.#kept.set(key, cursor)
  }

  #cursor(key: string): Cursor | undefined {
    return this.#kept.get(key) ?? this.#read(key)
  }

  #read(key: string): Cursor | undefined {
    const value = this.#state.get(key)
    const text = value === undefined ? '' : decoder.decode(value)
    const [, offset, told, time] = /^(\d+) (-?\d+) (-?\d+)$/.exec(text) ?? []
    return offset === undefined || told === undefined || time === undefined
      ? undefined
      : { offset: BigInt(offset), told: BigInt(told), time: BigInt(time) }
  }
}
