import type { DoorBooks } from '../../src/core/intake.ts'
import type { FileRow } from './file-rows.ts'
import type { SinkLedger } from './ledger.ts'
import type { LetterLedger } from './letter-ledger.ts'
import type { Program, Stores } from './program.ts'
import { checkBooks } from './simulated-store.ts'
import { must } from './violation.ts'

/** What the sinks were seen to hold. */
export interface Seen {
  readonly far: SinkLedger
  readonly near: SinkLedger
  readonly file: SinkLedger
  readonly letters: LetterLedger
  /** Values that `near` is not given. */
  readonly filtered: ReadonlySet<number>
  /** What the file sink has written. */
  readonly lines: readonly FileRow[]
}

/** Once everything has drained: all that was acknowledged is where it belongs, and the books balance. */
export function judge({ log, intake, file }: Program, { far, near, letters }: Stores, seen: Seen): void {
  const { renewals } = log.status()
  const { rows } = log.tail.watermark()
  must(renewals === 0, () => 'the log took itself for an older copy')
  for (const { name, stream, books } of [far, near, letters]) {
    must(
      books.handed === (rows[stream] ?? 0),
      () => `${name} was handed ${books.handed} of ${rows[stream]} rows`,
    )
    must(
      books.damaged + books.expired === 0,
      () => `${name} counts ${books.damaged} damaged, ${books.expired} expired`,
    )
  }
  seen.letters.judge({ far: seen.far, near: seen.near }, { far: far.books, near: near.books })
  seen.far.judge(() => false)
  seen.near.judge((value) => seen.filtered.has(value))
  for (const { number, value } of seen.lines) seen.file.take(number, value)
  seen.file.judge(() => false)
  checkBooks('file', file.books, seen.lines.filter(({ value }) => value > 0).length)
  checkDoor(intake.books, rows, seen.letters.ofSinks)
}

/** The door's books after the last commit, beside what the log has counted. */
function checkDoor(books: DoorBooks, rows: Readonly<Record<string, number>>, ofSinks: number): void {
  const { rowsReceived, rowsAccepted, rowsRefused, rowsDeadLettered } = books
  const { messagesReceived, messagesAccepted, messagesRefused, messagesDeadLettered } = books
  const holds =
    rowsReceived === rowsAccepted + rowsRefused + rowsDeadLettered &&
    messagesReceived === messagesAccepted + messagesRefused + messagesDeadLettered &&
    rowsAccepted === (rows['readings'] ?? 0) &&
    rowsDeadLettered + ofSinks === (rows['dead-letters'] ?? 0)
  must(
    holds,
    () =>
      `the door's books do not balance: ${JSON.stringify(books)} beside ${JSON.stringify(rows)}, ${ofSinks} letters of sinks`,
  )
}
