import { noBooks, type SinkBooks } from '../core/sink.ts'
import type { Verdict } from './judge.ts'
import type { Ledger } from './ledger.ts'
import type { LetterVerdict } from './letters.ts'
import type { ServerStatus } from './server-status.ts'

/** docs/delivery.md, promise 3, held against the ledger. */
export interface BooksVerdict {
  /** Every identity holds, and the books agree with the ledger and with the sinks' own counts. */
  readonly balanced: boolean
  /** Of the run: rows of readings that the server must have taken at least and at most, by the ledger. */
  readonly ledger: { readonly least: number; readonly most: number }
  /** Of the run, at the door. */
  readonly door: { readonly accepted: number; readonly refused: number; readonly deadLettered: number }
  /** Of the run: rows of readings in the log. */
  readonly log: number
  readonly sinks: Readonly<Record<string, SinkBooks>>
  /** In words, what does not agree. */
  readonly differences: readonly string[]
}

export interface BooksEvidence {
  readonly before: ServerStatus
  readonly after: ServerStatus
  readonly ledger: Ledger
  readonly badLedger: Ledger
  /** Of each sink whose rows were read from its own file: what stands there, by its own count, and its books as the file has them. */
  readonly counted: ReadonlyMap<
    string,
    { readonly verdict: Verdict; readonly rows: number; readonly books?: SinkBooks }
  >
  readonly letters: LetterVerdict
  /** The server had no other senders: then its books are ours to the last record, else ours are a part of them. */
  readonly isAlone: boolean
}

/** Compares what the server says of itself with the ledger and with what stands in the sinks. */
export function checkBooks(evidence: BooksEvidence): BooksVerdict {
  const { before, after, ledger, badLedger, counted, letters, isAlone } = evidence
  const differences: string[] = []
  const same = (what: string, left: number, right: number) => {
    if (left !== right) differences.push(`${what}: ${left} and ${right}`)
  }
  const within = (what: string, rows: number, { least, most }: { least: number; most: number }) => {
    if (rows < least || (isAlone && rows > most))
      differences.push(`${what}: ${rows}, by the ledger ${least === most ? least : `${least} to ${most}`}`)
  }

  const door = {
    accepted: after.books.rowsAccepted - before.books.rowsAccepted,
    refused: after.books.rowsRefused - before.books.rowsRefused,
    deadLettered: after.books.rowsDeadLettered - before.books.rowsDeadLettered,
  }
  const rows = rowsOf(after, 'readings') - rowsOf(before, 'readings')
  const lettersInLog = rowsOf(after, 'dead-letters') - rowsOf(before, 'dead-letters')
  if (!after.books.balanced) differences.push('door: received is not accepted + refused + dead lettered')
  within('readings accepted at the door', door.accepted, ledger.rows())
  const lettered = badLedger.rows((page) => !page.isAnswered)
  within('records dead lettered at the door', door.deadLettered, lettered)
  // What was refused because nothing could be written could not be counted for good either.
  if (door.refused < letters.answered)
    differences.push(
      `records refused at the door: ${door.refused}, by the ledger at least ${letters.answered}`,
    )
  if (isAlone) {
    same('readings accepted at the door, and in the log', door.accepted, rows)
    const letteredBySinks = lettersOf(after) - lettersOf(before)
    same(
      'records dead lettered at the door and by sinks, and letters in the log',
      door.deadLettered + letteredBySinks,
      lettersInLog,
    )
    same('letters in the log, and in the store', lettersInLog, letters.stored)
  }

  const sinks: Record<string, SinkBooks> = {}
  for (const { name, stream, balanced, books } of after.sinks) {
    const of = `${name} (${stream})`
    if (!balanced) differences.push(`${of}: handed is not the sum of what became of it`)
    if (stream !== 'readings') continue
    sinks[name] = books
    if (!isAlone) continue
    same(`${of}: handed, and rows in the log`, books.handed, rowsOf(after, stream))
    // A record that was sent again, and taken again, counts as overwritten: its later number wins.
    for (const term of ['deadLettered', 'expired', 'damaged'] as const)
      if (books[term] > 0) differences.push(`${of}: ${books[term]} ${term}, of a fleet that gives no cause`)
    const found = counted.get(name)
    if (found === undefined) continue
    same(`${of}: stored by its books, and by its own count`, books.stored, found.rows)
    same(`${of}: rows by its own count, and rows that were judged`, found.rows, found.verdict.rows)
    const own = found.books
    if (own === undefined) continue
    for (const term of terms)
      same(`${of}: ${term} in /status, and in the sink itself`, books[term], own[term])
  }
  return { balanced: differences.length === 0, ledger: ledger.rows(), door, log: rows, sinks, differences }
}

/** Where there was nobody to ask. */
export function unknownBooks(ledger: Ledger, why: string): BooksVerdict {
  const door = { accepted: 0, refused: 0, deadLettered: 0 }
  return { balanced: false, ledger: ledger.rows(), door, log: 0, sinks: {}, differences: [why] }
}

const terms = Object.keys(noBooks) as (keyof SinkBooks)[] // as: it has all of them, and no others

/** Rows that sinks refused. */
function lettersOf({ sinks }: ServerStatus): number {
  return sinks.reduce((sum, { books }) => sum + books.deadLettered, 0)
}

function rowsOf({ log }: ServerStatus, stream: string): number {
  return log.rows[stream] ?? 0
}
