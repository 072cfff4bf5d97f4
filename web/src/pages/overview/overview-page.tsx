import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useDeferredValue, useEffect, useState } from 'react'
import { devicesQuery, statusQuery } from '../../api/queries.ts'
import { SearchIcon } from '../../ui/icons.tsx'
import { Fault } from '../../ui/fault.tsx'
import { Reading } from '../../ui/notice.tsx'
import { useTitle } from '../../ui/title.ts'
import { formatCount } from '../../format/number.ts'
import { Alarms } from './alarms.tsx'
import { Books } from './books.tsx'
import { DeviceTable } from './device-table.tsx'
import { FirstSteps } from './first-steps.tsx'
import { FlowBand } from './flow-band.tsx'

/** Everything at a glance: what flows, whether the books balance, and every device with what it said last. */
export function OverviewPage() {
  useTitle('Overview')
  const status = useQuery(statusQuery)
  const isEmpty = useIsEmpty()
  // One answer that is late is none that is missing.
  const isAnswering = status.data === undefined || status.failureCount < 2
  useNewcomers(status.data?.status.series)
  return (
    <>
      <h1 className="sr-only">Overview</h1>
      <FlowBand
        status={status.data?.status}
        rates={status.data?.rates ?? []}
        staleSince={isAnswering ? undefined : status.dataUpdatedAt}
      />
      <div className="page pt-6">
        {status.error !== null && status.data === undefined && (
          <Fault what="The server's state" error={status.error} onRetry={() => void status.refetch()} />
        )}
        {status.data !== undefined && <Alarms alarms={status.data.status.alarms} />}
        <div className="grid items-start gap-x-12 gap-y-10 lg:grid-cols-[minmax(0,1fr)_17.5rem]">
          {isEmpty ? <FirstSteps mqttAddress={status.data?.status.mqttAddress ?? ''} /> : <Devices />}
          {status.data !== undefined && <Books status={status.data.status} />}
        </div>
      </div>
    </>
  )
}

/** Looks for new devices as soon as there is a new series, and once more when the store surely has it. */
function useNewcomers(series: number | undefined): void {
  const queries = useQueryClient()
  useEffect(() => {
    if (series === undefined) return
    const look = () => {
      queries.invalidateQueries({ queryKey: ['devices'] }).catch(console.error)
    }
    look()
    const timer = setTimeout(look, 800)
    return () => clearTimeout(timer)
  }, [queries, series])
}

function useIsEmpty(): boolean {
  const all = useQuery(devicesQuery(''))
  return all.data !== undefined && all.data.rows.length === 0
}

function Devices() {
  const [search, setSearch] = useState('')
  const wanted = useDeferredValue(search.trim())
  const all = useQuery(devicesQuery(''))
  // With more devices than one answer holds, the server looks for names that begin so.
  const isPartial = all.data?.next !== undefined
  const found = useQuery({ ...devicesQuery(wanted), enabled: isPartial && wanted !== '' })
  const rows = isPartial && wanted !== '' ? found.data?.rows : all.data?.rows
  const lower = wanted.toLowerCase()
  const shown = isPartial ? rows : rows?.filter(({ device }) => device.toLowerCase().includes(lower))

  return (
    <section aria-labelledby="devices" className="min-w-0">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
        <h2 id="devices" className="text-xl font-semibold">
          Devices
          {shown !== undefined && (
            <span className="ml-2.5 text-base font-normal text-ink-3">
              {formatCount(shown.length)}
              {isPartial && wanted === '' && '+'}
            </span>
          )}
        </h2>
        <label className="relative max-sm:w-full">
          <span className="sr-only">
            {isPartial ? 'Find devices whose name begins with' : 'Find devices by name'}
          </span>
          <span className="pointer-events-none absolute top-[0.55rem] left-2.5 text-ink-3">
            <SearchIcon />
          </span>
          <input
            type="search"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            placeholder={isPartial ? 'Name begins with…' : 'Find a device'}
            className="field w-full pl-9! sm:w-64"
          />
        </label>
      </div>
      {all.error !== null && all.data === undefined ? (
        <Fault what="The devices" error={all.error} onRetry={() => void all.refetch()} />
      ) : shown === undefined ? (
        <Reading what="devices" />
      ) : shown.length === 0 ? (
        <p role="status" className="border-t border-line-strong py-8 text-ink-2">
          No device is named like “{wanted}”.{' '}
          <button type="button" className="text-link" onClick={() => setSearch('')}>
            Show all
          </button>
        </p>
      ) : (
        <DeviceTable key={wanted} devices={shown} />
      )}
    </section>
  )
}
