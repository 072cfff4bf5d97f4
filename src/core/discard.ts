/**
 * That a user has discarded dead letters, or replayed them: a record of the stream `dead-letters`, at its own place behind the letters. Every
 * store that takes the stream keeps it, and removes the letters that it names; so they stay away in a replay of the log too. What a
 * replayed letter has become stands in the same commit.
 */
export interface Discard {
  readonly letters: readonly DiscardedLetter[]
  /** Who discarded or replayed them. */
  readonly principal: string
  /** They were replayed, and not only discarded. */
  readonly replayed?: true
}

/** Number and time (µs): two logs may have given one number. */
export interface DiscardedLetter {
  readonly number: bigint
  readonly time: number
  /** Of a sink's letter: a store that was fed later may hold the same letter under the number that it was put with again. */
  readonly key?: string | undefined
}

/** Takes discards, as the intake does: into the commit that is open. */
export interface Discarder {
  /** Makes `now` the receipt time of a letter that is read again, until the next `tick`. */
  receivedAt(time: number): void
  discard(discard: Discard): void
  /** Lowers the count that the bound of the dead letters is held against: so many bytes of it, and of the device, stand in the store no more. */
  giveBack(bytes: number, device?: string): void
  /** Counts the letters of each device anew. */
  recount(): Recount
}

/** A count of what a store holds that is under way; what comes meanwhile is noted until it ends. */
export interface Recount {
  /** What was counted. */
  set(counted: Iterable<readonly [device: string, bytes: number]>): void
  /** Always, also where nothing could be counted. */
  end(): void
}

/** What no letter begins with: its members are those of `DeadLetter`. */
export const discardBegin = '{"discarded":'
const begin = new TextEncoder().encode(discardBegin)

export function encodeDiscard({ letters, ...how }: Discard): string {
  const discarded = letters.map(({ number, time, key }) =>
    key === undefined ? [String(number), time] : [String(number), time, key],
  )
  return JSON.stringify({ discarded, ...how })
}

/** The letters that a record of the stream discards; undefined if it is a letter. */
export function readDiscard(body: Uint8Array): DiscardedLetter[] | undefined {
  if (begin.some((byte, i) => body[i] !== byte)) return undefined
  // As `encodeDiscard` has written it.
  const { discarded } = JSON.parse(new TextDecoder().decode(body)) as {
    discarded: [string, number, string?][] // records of before have no keys
  }
  return discarded.map(([number, time, key]) => ({
    number: BigInt(number),
    time,
    ...(key === undefined ? {} : { key }),
  }))
}
