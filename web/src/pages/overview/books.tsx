import { Link } from '@tanstack/react-router'
import { sinkKey } from '../../api/rates.ts'
import type { Balance, Status } from '../../api/status.ts'
import { formatCount } from '../../format/number.ts'
import { CheckIcon } from '../../ui/icons.tsx'

/** The books, kept in public: at the door and in every sink, what came is what became of it. */
export function Books({ status }: { readonly status: Status }) {
  const { door } = status
  const messages = balanceOf(
    door.messagesReceived,
    door.messagesAccepted + door.messagesRefused + door.messagesDeadLettered,
  )
  const rows = balanceOf(door.rowsReceived, door.rowsAccepted + door.rowsRefused + door.rowsDeadLettered)
  const sinks = status.sinks.filter(
    (sink) => sink.stream === 'readings' || sink.books.handed > 0 || !sink.balanced,
  )
  return (
    <section aria-labelledby="books" className="max-w-md">
      <h2 id="books" className="mb-2 flex min-h-9 items-center text-xl font-semibold">
        Books
      </h2>
      <div className="grid gap-x-10 gap-y-6 sm:max-lg:grid-cols-2">
        <Ledger
          title="Door"
          note="messages"
          balance={messages}
          total={['received', door.messagesReceived]}
          terms={[
            ['accepted', door.messagesAccepted],
            ['refused', door.messagesRefused],
            ['dead letters', door.messagesDeadLettered],
          ]}
          always={3}
        />
        <Ledger
          title="Door"
          note="rows"
          balance={rows}
          total={['received', door.rowsReceived]}
          terms={[
            ['accepted', door.rowsAccepted],
            ['refused', door.rowsRefused],
            ['dead letters', door.rowsDeadLettered],
          ]}
          always={3}
        />
        {sinks.map((sink) => (
          <Ledger
            key={sinkKey(sink)}
            title={sink.name}
            note={sink.stream}
            balance={sink}
            total={['handed over', sink.books.handed]}
            terms={[
              ['stored', sink.books.stored],
              ['repeated', sink.books.repeated],
              ['overwritten', sink.books.overwritten],
              ['filtered', sink.books.filtered],
              ['dead letters', sink.books.deadLettered],
              ['expired', sink.books.expired],
              ['damaged', sink.books.damaged],
            ]}
            always={1}
            waiting={sink.backlog}
          />
        ))}
      </div>
      <p className="mt-5 text-xs text-ink-3">
        Totals since the data folder was made; terms of sinks that are 0 are left out. What could not be taken
        is in the{' '}
        <Link to="/dead-letters" className="text-link">
          dead letters
        </Link>
        .
      </p>
    </section>
  )
}

/** The door's two books stand apart here; the server judges them together. */
function balanceOf(received: number, terms: number): Balance {
  const difference = `${formatCount(received)} received, but the terms are ${formatCount(terms)}`
  return received === terms ? { balanced: true, difference: '' } : { balanced: false, difference }
}

interface LedgerProps {
  readonly title: string
  readonly note: string
  readonly balance: Balance
  readonly total: readonly [name: string, count: number]
  readonly terms: readonly (readonly [name: string, count: number])[]
  /** Terms from the top that are shown even when they are 0. */
  readonly always: number
  /** Rows of the log that are still to come: with the total they are all that it has. */
  readonly waiting?: number
}

function Ledger({
  title,
  note,
  balance: { balanced, difference },
  total: [totalName, total],
  terms,
  always,
  waiting = 0,
}: LedgerProps) {
  const shown = terms.filter(([, count], i) => i < always || count !== 0)
  return (
    <div>
      <div className="flex items-baseline justify-between border-b border-line-strong pb-1.5">
        <h3 className="font-semibold">
          {title} <span className="font-normal text-ink-3">{note}</span>
        </h3>
        {balanced ? (
          <span className="flex items-center gap-1 text-xs text-good">
            <CheckIcon /> balanced
          </span>
        ) : (
          <span className="text-xs font-semibold text-bad">does not balance</span>
        )}
      </div>
      <dl className="text-sm">
        {shown.map(([name, count]) => (
          <div key={name} className="flex justify-between py-1">
            <dt className="text-ink-2">{name}</dt>
            <dd>{formatCount(count)}</dd>
          </div>
        ))}
        <div className="flex justify-between border-t border-line py-1.5 font-semibold">
          <dt>{totalName}</dt>
          <dd>{formatCount(total)}</dd>
        </div>
        {waiting > 0 && (
          <div className="flex justify-between pb-1.5 text-ink-3">
            <dt>waiting in the log</dt>
            <dd>{formatCount(waiting)}</dd>
          </div>
        )}
      </dl>
      {difference !== '' && <p className="text-xs text-bad">{difference}.</p>}
    </div>
  )
}
