import type { DoorBooks } from '../core/intake.ts'
import type { ReplayStatus } from '../core/replay.ts'
import type { SinkBooks } from '../core/sink.ts'
import type { SinkSnapshot, Snapshot } from './snapshot.ts'

/** An identity of the books (docs/delivery.md, promise 3) that does not hold. */
export interface BooksFault {
  readonly code: 'books-door' | 'books-sink' | 'books-log'
  /** Whose books: `the door (rows)`, `main (readings)`. */
  readonly whose: string
  /** How much one side is above the other: it stays the same while rows come. */
  readonly by: number
  /** What differs, with its numbers. */
  readonly message: string
}

/** received = accepted + refused + dead lettered, in messages and in rows. */
export function doorFaults(b: DoorBooks): BooksFault[] {
  const messages = b.messagesAccepted + b.messagesRefused + b.messagesDeadLettered
  const rows = b.rowsAccepted + b.rowsRefused + b.rowsDeadLettered
  const differs = (what: string, received: number, terms: number): BooksFault[] =>
    received === terms
      ? []
      : [
          {
            code: 'books-door',
            whose: `the door (${what})`,
            by: received - terms,
            message: `the door received ${received} ${what}, but accepted + refused + dead lettered are ${terms}`,
          },
        ]
  return [...differs('messages', b.messagesReceived, messages), ...differs('rows', b.rowsReceived, rows)]
}

/**
 * handed = stored + repeated + overwritten + filtered + dead lettered + expired + damaged; and handed + backlog = the rows that the log has
 * of the stream, where the backlog is what the log itself counts behind the position. A write that fails half-way leaves the rows handed
 * ahead of the log's count until it is tried again: the second identity is asked of a sink that runs.
 */
export function sinkFaults({ name, stream, state, books, passed }: SinkSnapshot): BooksFault[] {
  const whose = `${name} (${stream})`
  const faults: BooksFault[] = []
  const terms = termsOf(books)
  if (books.handed !== terms)
    faults.push({
      code: 'books-sink',
      whose,
      by: books.handed - terms,
      message: `the books of ${whose} do not balance: it was handed ${books.handed} rows, the terms are ${terms}`,
    })
  if (state === 'running' && books.handed !== passed)
    faults.push({
      code: 'books-log',
      whose,
      by: books.handed - passed,
      message: `${whose} was handed ${books.handed} rows, but the log counts ${passed} up to its position`,
    })
  return faults
}

/** The terms of a replay's own books. */
export function replayFaults({ name, sink, parts }: ReplayStatus): BooksFault[] {
  return parts.flatMap(({ stream, books }) => {
    const whose = `replay ${name} to ${sink} (${stream})`
    const by = books.handed - termsOf(books)
    const message = `the books of ${whose} do not balance: it was handed ${books.handed} rows, the terms are ${termsOf(books)}`
    return by === 0 ? [] : [{ code: 'books-sink', whose, by, message }]
  })
}

/** Every identity that does not hold. */
export function booksFaults({
  books,
  sinks,
  replays,
}: Pick<Snapshot, 'books' | 'sinks' | 'replays'>): BooksFault[] {
  return [...doorFaults(books), ...sinks.flatMap(sinkFaults), ...replays.flatMap(replayFaults)]
}

/** Members of /status that say whether the books balance, and if not, what differs. */
export function balanceOf(faults: readonly BooksFault[]): { balanced: boolean; difference?: string } {
  if (faults.length === 0) return { balanced: true }
  return { balanced: false, difference: faults.map(({ message }) => message).join('; ') }
}

function termsOf({ handed: _, ...terms }: SinkBooks): number {
  return Object.values(terms).reduce((sum, rows) => sum + rows, 0)
}
