import assert from 'node:assert/strict'
import test from 'node:test'
import { noBooks } from '../core/sink.ts'
import { type BooksEvidence, checkBooks } from './books.ts'
import { Ledger } from './ledger.ts'
import { judgeLetters } from './letters.ts'
import type { Plan } from './plan.ts'
import type { ServerStatus } from './server-status.ts'
import type { SinkFinding } from './sink-judge.ts'

const plan: Plan = { seed: 1, devices: 1, metrics: 1 }

/** What a test says is otherwise than in a run of ten readings and two bad records, all acknowledged. */
interface Change {
  readonly door?: Partial<ServerStatus['books']>
  readonly rows?: ServerStatus['log']['rows']
  readonly sink?: Partial<ServerStatus['sinks'][number]>
  readonly books?: Partial<SinkFinding['books']>
  readonly count?: number
  readonly letters?: number
  readonly isAlone?: boolean
}

test('books that agree with the ledger and with the sink are balanced', () => {
  assert.deepEqual(differences({}), [])
})

const changes: readonly [what: string, change: Change, difference: RegExp][] = [
  [
    'a record that the door did not count',
    { door: { rowsAccepted: 9 } },
    /accepted at the door: 9, by the ledger 10/,
  ],
  ['one that nobody sent', { door: { rowsAccepted: 11 } }, /accepted at the door: 11, by the ledger 10/],
  ['an identity of the door', { door: { balanced: false } }, /received is not accepted/],
  [
    'a letter that the door did not count',
    { door: { rowsDeadLettered: 1 } },
    /dead lettered at the door: 1, by/,
  ],
  ['a row that is not in the log', { rows: { readings: 9, 'dead-letters': 2 } }, /and in the log: 10 and 9/],
  ['a letter that is not in the store', { letters: 1 }, /letters in the log, and in the store: 2 and 1/],
  ['an identity of a sink', { sink: { balanced: false } }, /handed is not the sum/],
  [
    'a row that the sink was not handed',
    { sink: { books: { ...noBooks, handed: 9, stored: 9 } } },
    /handed, and rows in the log: 9 and 10/,
  ],
  [
    'a row that is damaged',
    { sink: { books: { ...noBooks, handed: 10, stored: 9, damaged: 1 } } },
    /1 damaged/,
  ],
  ['a count(*) of its own', { count: 9 }, /stored by its books, and by its own count: 10 and 9/],
  [
    'books that the sink has otherwise',
    { books: { repeated: 1 } },
    /repeated in \/status, and in the sink itself: 0 and 1/,
  ],
]
for (const [what, change, difference] of changes) {
  test(`a difference is told: ${what}`, () => {
    assert.match(differences(change).join('\n'), difference)
  })
}

test('what a door refused by name is counted there; what it had no room for need not be', () => {
  assert.deepEqual(
    differences({}, undefined, (page) => {
      page.sent(7)
      page.refused(7)
    }),
    [],
  )
  const answered = (page: ReturnType<Ledger['open']>) => {
    page.isAnswered = true
    page.sent(0)
    page.refused(0)
  }
  assert.match(
    differences({}, undefined, answered).join(),
    /refused at the door: 0, by the ledger at least 1/,
  )
})

test('a server with other senders may have taken more, never less', () => {
  const more = { readings: 1_000, 'dead-letters': 50 }
  assert.deepEqual(
    differences({ isAlone: false, door: { rowsAccepted: 1_000, rowsDeadLettered: 50 }, rows: more }),
    [],
  )
  assert.match(differences({ isAlone: false, door: { rowsAccepted: 9 } }).join(), /by the ledger 10/)
})

test('a record that was sent again may have been taken again, one of QoS 2 not', () => {
  const twice = { door: { rowsAccepted: 11 }, rows: { readings: 11, 'dead-letters': 2 } }
  const sink = { books: { ...noBooks, handed: 11, stored: 10, repeated: 1 } }
  const change = { ...twice, sink, books: { handed: 11, repeated: 1 } }
  assert.deepEqual(
    differences(change, (page) => resend(page)),
    [],
  )
  const isOnce = (page: ReturnType<Ledger['open']>) => {
    resend(page)
    page.isOnce = true
  }
  assert.match(differences(change, isOnce).join(), /accepted at the door: 11, by the ledger 10/)
})

function resend(page: ReturnType<Ledger['open']>): void {
  page.sent(3)
  page.acked(3)
}

function differences(
  change: Change,
  alter: (page: ReturnType<Ledger['open']>) => void = () => {},
  alterBad: (page: ReturnType<Ledger['open']>) => void = () => {},
): readonly string[] {
  const { door, rows = { readings: 10, 'dead-letters': 2 }, sink, books, count = 10, letters = 2 } = change
  const [ledger, badLedger] = [ledgerOf(10), ledgerOf(2)]
  alter(ledger.open(0, 0))
  alterBad(badLedger.open(1, 0))
  const own = { ...noBooks, handed: 10, stored: 10 }
  const verdict = {
    rows: count,
    repeated: 0,
    faults: noFaults,
    unknownStored: 0,
    unknownAbsent: 0,
    examples: [],
    clean: true,
  }
  const evidence: BooksEvidence = {
    before: statusOf({ rowsAccepted: 0, rowsDeadLettered: 0 }, {}, { books: noBooks }),
    after: statusOf(door ?? {}, rows, { books: own, ...sink }),
    ledger,
    badLedger,
    counted: new Map([['main', { verdict, rows: count, books: { ...own, ...books } }]]),
    letters: { ...judgeLetters(badLedger, [], true), stored: letters },
    isAlone: change.isAlone ?? true,
  }
  return checkBooks(evidence).differences
}

const noFaults = { lost: 0, duplicate: 0, phantom: 0, refusedStored: 0, corrupt: 0, reordered: 0 }

function ledgerOf(records: number): Ledger {
  const ledger = new Ledger(plan)
  const page = ledger.open(0, 0)
  for (let sequence = 0; sequence < records; sequence++) {
    page.sent(sequence)
    page.acked(sequence)
  }
  return ledger
}

function statusOf(
  door: Partial<ServerStatus['books']>,
  rows: ServerStatus['log']['rows'],
  sink: Partial<ServerStatus['sinks'][number]>,
): ServerStatus {
  const messages = { messagesReceived: 12, messagesAccepted: 10, messagesRefused: 0, messagesDeadLettered: 2 }
  const counts = { rowsReceived: 12, rowsAccepted: 10, rowsRefused: 0, rowsDeadLettered: 2, letterBytes: 0 }
  const main = { name: 'main', stream: 'readings', state: 'running', balanced: true, backlog: 0 }
  return {
    addresses: {},
    log: { rows, tornTails: 0, damagedFrames: 0 },
    books: { ...messages, ...counts, balanced: true, ...door },
    sinks: [{ ...main, books: noBooks, ...sink }],
    alarms: [],
  }
}
