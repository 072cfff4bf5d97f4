import { useInfiniteQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { rowsQuery } from '../../api/queries.ts'
import type { Latest } from '../../api/readings.ts'
import { now } from '../../clock.ts'
import { formatExact } from '../../format/number.ts'
import { formatDate, formatTime, zoneName, type Zone } from '../../format/time.ts'
import { Button } from '../../ui/button.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Reading } from '../../ui/notice.tsx'
import { QualityMark } from '../../ui/quality.tsx'
import { type Range, windowOf } from './range.ts'

export interface RowsTableProps {
  readonly device: string
  readonly latest: readonly Latest[]
  /** The metric that is shown first. */
  readonly first: string
  readonly range: Range
  readonly zone: Zone
}

/** Rows as they are stored, newest first. It stands still while it is read; a button brings what came since. */
export function RowsTable({ device, latest, first, range, zone }: RowsTableProps) {
  const [metric, setMetric] = useState(first)
  const [end, setEnd] = useState(() => now())
  const { from, to } = windowOf(range, end)
  const query = useInfiniteQuery(
    rowsQuery({
      device,
      metric,
      from: Math.floor(from),
      to: Math.ceil(to),
    }),
  )
  const rows = query.data?.pages.flatMap((page) => page.rows) ?? []
  const unit = latest.find((one) => one.metric === metric)?.unit ?? ''
  return (
    <section aria-labelledby="rows" className="mt-10">
      <div className="mb-2 flex flex-wrap items-center gap-x-4 gap-y-2">
        <h2 id="rows" className="mr-auto text-xl font-semibold">
          Rows
        </h2>
        <label className="flex items-center gap-2 text-sm text-ink-2">
          Metric
          <select
            value={metric}
            onChange={(event) => setMetric(event.target.value)}
            className="field max-w-44 text-ink!"
          >
            {latest.map((one) => (
              <option key={one.metric}>{one.metric}</option>
            ))}
          </select>
        </label>
        {range.kind === 'live' && <Button onClick={() => setEnd(now())}>Newest</Button>}
      </div>
      {query.error !== null && query.data === undefined ? (
        <Fault what="The rows" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.data === undefined ? (
        <Reading what="rows" />
      ) : rows.length === 0 ? (
        <p className="border-t border-line-strong py-6 text-ink-2">
          No rows in this time. Choose a longer range above.
        </p>
      ) : (
        <>
          <table className="data w-full text-sm">
            <thead>
              <tr>
                <th scope="col">Time, {zoneName(zone, end)}</th>
                <th scope="col" className="text-right!">
                  Value
                </th>
                <th scope="col" className="max-sm:hidden">
                  Unit
                </th>
                <th scope="col">
                  <span className="max-sm:sr-only">Quality</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.metric} ${row.time}`}>
                  <td className="py-1.5! whitespace-nowrap">
                    <span className="max-sm:hidden">{formatDate(row.time, zone)} </span>
                    {formatTime(row.time, zone, 'us')}
                    <span className="block text-xs text-ink-3 sm:hidden">{formatDate(row.time, zone)}</span>
                  </td>
                  <td className="py-1.5! text-right font-semibold max-sm:max-w-[6.5rem]">
                    {typeof row.value === 'number' ? formatExact(row.value) : row.value}
                  </td>
                  <td className="py-1.5! text-ink-3 max-sm:hidden">{unit}</td>
                  <td className="py-1.5!">
                    <span className="max-sm:hidden">
                      <QualityMark quality={row.quality} always />
                    </span>
                    <span className="text-xs sm:hidden">
                      <QualityMark quality={row.quality} />
                    </span>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {query.hasNextPage && (
            <div className="mt-4">
              <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
                {query.isFetchingNextPage ? 'Reading…' : 'Older rows'}
              </Button>
            </div>
          )}
        </>
      )}
    </section>
  )
}
