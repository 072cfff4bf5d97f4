import { printable, printableLines } from '../lib/printable.ts'
import type { BooksVerdict } from './books.ts'
import type { Fault, Verdict } from './judge.ts'
import type { LetterVerdict } from './letters.ts'
import type { LiveVerdict } from './live-watch.ts'

/** What became of the records in one sink. */
export interface SinkReport {
  /** Records that stand there. */
  readonly stored: number
  readonly lost: number
  readonly duplicate: number
  readonly phantom: number
  readonly corrupt: number
  /** Left out where the sink was asked over HTTP, which does not tell the numbers of rows. */
  readonly reordered?: number
  /** Stored, though the sender was told that it is refused. */
  readonly refusedStored: number
  /** Rows of records that were sent again, in a sink that knows no identities. */
  readonly repeated: number
}

/** What `sluice prove` found; with `--json` this is printed. */
export interface ProveReport {
  readonly ok: boolean
  readonly seed: number
  /** Part of the devices' names: `prove-<run>-<number>`. */
  readonly run: string
  readonly server: string
  readonly devices: number
  /** For how long the fleet sent. */
  readonly seconds: number
  /** Good records. */
  readonly sent: number
  readonly acked: number
  readonly refused: number
  readonly unknown: number
  /** How often any of them went on the wire. */
  readonly sends: number
  readonly sinks: Readonly<Record<string, SinkReport>>
  /** Sinks whose rows nobody can read from here: their books were looked at alone. */
  readonly unreadSinks: readonly string[]
  readonly deadLetters: Omit<LetterVerdict, 'examples' | 'clean'>
  readonly silentGaps: number
  readonly live: Omit<LiveVerdict, 'examples' | 'silentGaps'>
  readonly books: BooksVerdict
  /** By fault, how often each thing was done to the server. */
  readonly faults: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly starts: number
  readonly slowestStartMs: number
  /** How often the processes of stores were started again, by the server itself. */
  readonly storeRestarts: number
  /** Starts that came upon commits whose senders had no answer yet. */
  readonly openCommits: number
  /** What must not be, in words. */
  readonly violations: readonly string[]
  /** The first of each kind. */
  readonly examples: readonly string[]
  /** Where data and ledger are, where they are kept. */
  readonly kept?: string
}

export function sinkReport({ rows, repeated, faults }: Verdict, isOrdered: boolean): SinkReport {
  const { lost, duplicate, phantom, corrupt, reordered, refusedStored } = faults
  return {
    stored: rows - repeated - duplicate - phantom,
    ...{ lost, duplicate, phantom, corrupt },
    ...(isOrdered ? { reordered } : {}),
    ...{ refusedStored, repeated },
  }
}

const faultColumns: readonly Fault[] = ['lost', 'duplicate', 'phantom', 'corrupt', 'reordered']

/** The report for people. `again` is the command that does the same once more. */
export function reportText(report: ProveReport, again: string): string {
  const { sent, acked, refused, unknown, sends, seconds, sinks, deadLetters, live, books, violations } =
    report
  const perSecond = seconds > 0 ? Math.round(acked / seconds) : 0
  const table = [
    ['', 'stored', ...faultColumns],
    ...Object.entries(sinks).map(([name, sink]) => [
      name,
      String(sink.stored),
      ...faultColumns.map((fault) => String(sink[fault as keyof SinkReport] ?? '–')),
    ]),
    [
      'dead letters',
      String(deadLetters.stored),
      ...[deadLetters.lost, deadLetters.duplicate, deadLetters.phantom, deadLetters.corrupt].map(String),
      '–',
    ],
  ]
  const lines = [
    `sent ${sent} records of ${report.devices} devices in ${seconds.toFixed(1)} s, ${sends - sent} of them again; acknowledged ${acked} (${perSecond}/s), refused ${refused}, unanswered ${unknown}`,
    ...(Object.keys(report.faults).length === 0 ? [] : [`faults ${faultLine(report)}`]),
    '',
    ...columns(table),
    '',
    `live     ${live.rows} rows came, ${live.announced} were announced as left out, ${report.silentGaps} silent gaps`,
    `books    ${books.balanced ? `balanced: ${books.door.accepted} accepted, ${books.door.deadLettered} dead lettered, ${books.door.refused} refused at the door${unbooked(report)}` : 'do not agree'}`,
    ...Object.entries(sinks)
      .filter(([, sink]) => sink.reordered === undefined)
      .map(([name]) => `${name} was read over HTTP, which tells no numbers: its order was not judged`),
    ...report.unreadSinks.map((name) => `${name} was not read: only its books were looked at`),
    ...[...violations, ...books.differences, ...report.examples].map((what) => `  ! ${printableLines(what)}`),
    '',
    report.ok ? 'ok: every acknowledged record is where it must be, once' : `NOT ok: ${verdictOf(report)}`,
    `seed ${report.seed}; again: ${again}`,
    ...(report.kept === undefined ? [] : [`data and ledger are in ${report.kept}`]),
  ]
  return lines.join('\n')
}

function faultLine({ faults, openCommits, starts, slowestStartMs, storeRestarts }: ProveReport): string {
  const done = Object.entries(faults).map(([name, counts]) => {
    const parts = Object.entries(counts).map(([what, count]) => `${what} ${count}`)
    return `${name} (${parts.join(', ')})`
  })
  return `${done.join(', ')}; ${starts} starts, the slowest ${Math.round(slowestStartMs)} ms; ${openCommits} came upon open commits; ${storeRestarts} restarts of stores`
}

function unbooked({ refused, deadLetters, books }: ProveReport): string {
  const isBooked = books.door.refused >= refused + deadLetters.answered
  return isBooked ? '' : ', beside what it refused while it could write nothing, not even its books'
}

/** In one line, what is wrong. */
function verdictOf({ acked, sinks, deadLetters, silentGaps, live, books, violations }: ProveReport): string {
  const wrong: string[] = []
  const add = (of: string, counts: object) => {
    for (const kind of [...faultColumns, 'refusedStored']) {
      const count: unknown = (counts as Record<string, unknown>)[kind]
      if (typeof count === 'number' && count > 0) wrong.push(`${of} ${count} ${kind}`)
    }
  }
  for (const [name, sink] of Object.entries(sinks)) add(`${name}:`, sink)
  add('dead letters:', deadLetters)
  if (silentGaps > 0) wrong.push(`${silentGaps} silent live gaps`)
  if (live.wrong > 0) wrong.push(`${live.wrong} wrong live rows`)
  if (!books.balanced) wrong.push('the books do not agree')
  if (violations.length > 0) wrong.push(`${violations.length} violations`)
  return wrong.join(', ') || (acked > 0 ? 'no sink could be read' : 'nothing was acknowledged')
}

/** Texts under each other: the first column to the left, the others to the right. */
function columns(table: readonly (readonly string[])[]): string[] {
  const widths = (table[0] ?? []).map((_, i) =>
    Math.max(...table.map((row) => printable(row[i] ?? '').length)),
  )
  return table.map((row) =>
    row
      .map((text, i) => (i === 0 ? printable(text).padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
